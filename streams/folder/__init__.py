"""The port on a laptop: topics, groups and transactions in a folder."""
