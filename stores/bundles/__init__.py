"""Bundles and folders in the object store."""
