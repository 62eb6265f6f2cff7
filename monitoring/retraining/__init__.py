"""Retraining: rows by a stated window, the contract as far as a person allowed, and the training that follows."""
