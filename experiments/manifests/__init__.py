"""Katib Experiments as YAML, checked as Katib checks them."""
