"""Processes, signals and background work of steps and servers."""
