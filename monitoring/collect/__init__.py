"""Collecting what a model receives and answers: events, the receiver, files and buckets of logged payloads."""
