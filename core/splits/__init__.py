"""Train part, test part, folds and samples of a table."""
