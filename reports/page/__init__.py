"""Templates and figures of self-contained pages."""
