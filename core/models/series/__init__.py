"""Families for windows of series."""
