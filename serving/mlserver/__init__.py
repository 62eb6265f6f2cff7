"""A bundle behind MLServer: predictions, explanations, outliers and drift, each as a model of the V2 protocol."""
