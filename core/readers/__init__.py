"""Sources of every format, read block by block into the raw table."""
