"""Monitors: what is known of a model in use, each a plain function, and the document that holds their results."""
