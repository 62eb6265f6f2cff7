"""The profile of a table."""
