"""The rows that a model has scored, by hours, in a folder or a bucket."""
