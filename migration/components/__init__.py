"""Component files of v1: read, converted, written, compiled and compared."""
