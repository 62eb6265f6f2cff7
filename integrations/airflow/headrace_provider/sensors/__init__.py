"""Sensors: tasks that wait for runs."""
