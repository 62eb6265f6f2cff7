"""Pipelines run on Kubeflow: submitted, followed, cancelled."""
