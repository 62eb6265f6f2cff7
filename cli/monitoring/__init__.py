"""Commands that monitor a model in use."""
