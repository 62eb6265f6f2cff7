"""Series: rows of one key in the order of time, their checks, and the windows that a forecast learns from."""
