"""Pipelines: wiring of components, and the ways to run and compile them."""
