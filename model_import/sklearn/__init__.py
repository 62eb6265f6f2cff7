"""Pipelines of scikit-learn over data frames become pipelines over the model matrix."""
