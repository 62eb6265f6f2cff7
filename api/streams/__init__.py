"""Looking at what flows: topics and queries of streams."""
