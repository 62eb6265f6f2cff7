"""Commands that look at streams, and their demonstration."""
