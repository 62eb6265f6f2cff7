"""Models of other tools become bundles: those that MLflow stores, read as data."""
