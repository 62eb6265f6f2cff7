"""Commands for models in use: A/B tests, monitoring and retraining."""
