"""The policy of a model in use, and the decision after a window."""
