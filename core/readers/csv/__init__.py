"""CSV as people and programs write it: dialect, header, comments, footer."""
