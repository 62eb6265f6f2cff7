"""Reads Katib Experiments from YAML, and checks them by Katib's own rules."""
