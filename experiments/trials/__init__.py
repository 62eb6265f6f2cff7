"""The kinds of trials: cross-validation of a family, or a run of a pipeline."""
