"""A picture of what flows through a topic, for a notebook."""
