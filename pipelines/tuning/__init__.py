"""Searches whose trials are runs of a pipeline."""
