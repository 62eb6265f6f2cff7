"""Steps that monitor a model in use."""
