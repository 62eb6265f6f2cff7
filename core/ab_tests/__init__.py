"""A/B tests: who gets which version, how many keys it takes, and what may be concluded. No I/O, no platform."""
