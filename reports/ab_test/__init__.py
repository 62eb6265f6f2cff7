"""The page of an A/B test."""
