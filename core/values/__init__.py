"""How values are written in tables: numbers, timestamps, missing marks."""
