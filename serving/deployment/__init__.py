"""Models brought to an endpoint: a process here, an InferenceService on KServe."""
