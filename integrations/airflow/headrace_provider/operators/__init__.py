"""Operators: what Headrace does as tasks."""
