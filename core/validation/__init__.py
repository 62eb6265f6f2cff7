"""Tables and requests checked against their contract."""
