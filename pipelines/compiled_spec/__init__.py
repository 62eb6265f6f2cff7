"""What a compiled pipeline says, and what it asks of where it runs."""
