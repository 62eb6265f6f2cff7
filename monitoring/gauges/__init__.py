"""The monitors' results as gauges for Prometheus."""
