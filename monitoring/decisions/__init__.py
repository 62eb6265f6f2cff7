"""Reports and decisions in the monitoring store, and decisions in the registry."""
