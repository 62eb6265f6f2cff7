"""What was made of what, from the table to the endpoint."""
