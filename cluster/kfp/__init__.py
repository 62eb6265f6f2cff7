"""The API of Kubeflow Pipelines: upload pipelines, start and read runs."""
