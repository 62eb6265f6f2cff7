"""The page of a model in use: what its monitors said window by window, and what was decided."""
