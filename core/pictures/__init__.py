"""Pictures: files of PNG and JPEG as texts in a table, their pixels, archives of them, and near-duplicates."""
