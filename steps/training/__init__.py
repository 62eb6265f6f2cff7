"""Steps on models: search, training, evaluation, gate, reports."""
