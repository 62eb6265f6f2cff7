"""Rules of Prometheus and a dashboard of Grafana, made from one table."""
