"""The decisions of a rollout: comparisons of the versions, and the gate."""
