"""Kubernetes by its API: objects as plain values, errors in one sentence."""
