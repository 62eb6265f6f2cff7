"""Components that monitor a model in use."""
