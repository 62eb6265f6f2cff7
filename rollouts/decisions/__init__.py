"""Whether a rollout goes on: comparisons and the gate."""
