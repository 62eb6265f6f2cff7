"""Reads compiled pipelines: their steps, and what they require of the cluster or machine that runs them."""
