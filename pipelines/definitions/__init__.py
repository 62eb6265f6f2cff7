"""The shipped pipelines, and how they are compiled."""
