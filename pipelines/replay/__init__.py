"""Makes a bundle again, and compares it with the first one."""
