"""Lineage from the table to the endpoint."""
