"""The contract of a table that has none yet."""
