"""Tables wherever they lie: files, URLs, object stores, databases."""
