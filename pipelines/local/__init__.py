"""Pipelines run on this machine."""
