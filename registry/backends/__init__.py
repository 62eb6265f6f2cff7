"""Locations of registries and catalogues, and the errors of their libraries."""
