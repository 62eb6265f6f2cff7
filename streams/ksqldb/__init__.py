"""Queries of ksqlDB over its REST API: rows as they come."""
