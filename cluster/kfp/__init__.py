"""Kubeflow Pipelines by its API: pipelines in, runs out."""
