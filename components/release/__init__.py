"""Components that package, publish, register, deploy and score models."""
