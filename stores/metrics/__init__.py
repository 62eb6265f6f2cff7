"""Metrics outside: Prometheus' HTTP API, and the text of a server's ``/metrics``."""
