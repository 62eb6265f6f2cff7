"""Streams: the events of a topic are scored by a model, and the answers go to another topic."""
