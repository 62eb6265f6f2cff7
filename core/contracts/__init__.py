"""The data contract that training and serving both read."""
