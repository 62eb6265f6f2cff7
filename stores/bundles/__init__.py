"""Stores bundles and folders in the object store."""
