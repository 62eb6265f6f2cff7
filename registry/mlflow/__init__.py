"""The registry of models on MLflow."""
