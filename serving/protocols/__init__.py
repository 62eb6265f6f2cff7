"""Requests and answers in each protocol and content type."""
