"""From typed columns to the model matrix."""
