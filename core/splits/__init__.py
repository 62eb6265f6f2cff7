"""Train part, test part, folds and samples."""
