"""Commands that work on a cluster."""
