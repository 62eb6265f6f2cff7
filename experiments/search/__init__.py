"""The loop of a search: suggestions, budget, early stopping, results."""
