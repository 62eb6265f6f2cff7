"""Monitors of the servers: availability, errors, latency, objectives with their budgets."""
