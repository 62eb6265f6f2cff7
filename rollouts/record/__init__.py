"""The record of a rollout, its stores, and the counters behind its decisions."""
