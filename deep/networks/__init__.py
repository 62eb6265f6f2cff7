"""The networks, by the name of their family."""
