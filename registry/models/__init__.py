"""Versions of models: state, transitions, policy."""
