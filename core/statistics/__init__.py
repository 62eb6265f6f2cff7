"""Metrics and what chance does to them."""
