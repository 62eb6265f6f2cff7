"""Families of H2O: its server, which the suite starts and stops, and estimators that keep a MOJO."""
