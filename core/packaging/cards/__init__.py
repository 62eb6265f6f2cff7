"""Model card and risk sheet."""
