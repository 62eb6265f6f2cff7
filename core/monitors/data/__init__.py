"""Monitors of the data of a window: broken rules, missing and repeated values, drift."""
