"""Requests and responses in each protocol and content type."""
