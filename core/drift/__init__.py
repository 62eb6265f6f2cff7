"""Drift: counts of a model's inputs that merge exactly, and tests of whether two sets of rows are alike."""
