"""Ensembles of a search: members and weights, and whether they pay."""
