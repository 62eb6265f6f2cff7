"""What stands in a bundle, and how it is made."""
