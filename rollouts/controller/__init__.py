"""The rollout itself: step by step, with a decision after each."""
