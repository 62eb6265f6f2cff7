"""Models without a target: how unlike the training rows a row is."""
