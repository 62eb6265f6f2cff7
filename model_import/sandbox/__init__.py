"""Pickled models are loaded in a process without network, keys and files of the user; only data come back."""
