"""The record of a rollout, and the counters it stands on."""
