"""Search spaces as Katib Experiments, and the tuner that runs them here."""
