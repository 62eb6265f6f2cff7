"""The library of a model in use: collecting, labels, monitoring, retraining, A/B tests."""
