"""Model families, fitting, and the file of a fitted model."""
