"""Ensembles: several fitted pipelines whose predictions are averaged with weights."""
