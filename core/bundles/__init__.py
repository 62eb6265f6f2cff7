"""The bundle: a model with everything that made it, verified byte by byte."""
