"""What a trial is: cross-validation of a family, or a run of a pipeline."""
