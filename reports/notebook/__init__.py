"""Results as parts of a notebook: HTML and plain text of one content."""
