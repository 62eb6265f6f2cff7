"""A bundle on Seldon: manifests of Core 2 and of version 1, and a repository of models for MLServer."""
