"""Monitors of performance: measured with labels, estimated without, over the whole time of service."""
