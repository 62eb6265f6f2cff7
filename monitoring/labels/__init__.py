"""What turned out to be true of the rows that a model has scored: read, stored, and joined with them."""
