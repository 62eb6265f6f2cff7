"""A bundle made again, and compared with the first one."""
