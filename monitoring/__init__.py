"""Monitoring: what a model in use receives and answers is collected, compared with its labels, watched and acted on."""
