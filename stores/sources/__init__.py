"""Sources of tables: files, URLs, object stores, databases."""
