"""What servers use and answer, read from Prometheus or from the servers."""
