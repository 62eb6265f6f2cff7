"""The hook of the connection type headrace."""
