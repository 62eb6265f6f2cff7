"""Files of Kubeflow Pipelines v1 become files of v2, with a report of what cannot."""
