"""The controller of a rollout: step by step, with a decision after each."""
