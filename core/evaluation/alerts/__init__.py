"""Measures of a task anomaly: what a budget of alerts finds, with few labels or none."""
