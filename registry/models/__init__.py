"""Versions of models: states, transitions, policies."""
