"""Tuners, which run the trials of a search: in this process or on Katib."""
