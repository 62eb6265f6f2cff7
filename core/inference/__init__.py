"""Rows in, scores out: for requests and for whole tables."""
