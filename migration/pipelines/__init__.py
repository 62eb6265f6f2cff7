"""Pipelines of the v1 SDK, rewritten by their syntax tree: no line of them is ever run."""
