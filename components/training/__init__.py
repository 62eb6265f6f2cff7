"""Components for models: search, training, evaluation, gate, reports."""
