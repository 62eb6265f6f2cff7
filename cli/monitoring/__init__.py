"""Commands on a model in use: collecting, watching, retraining, and tests of one version against another."""
