"""Steps: what each component does when it runs, free of Kubeflow Pipelines."""
