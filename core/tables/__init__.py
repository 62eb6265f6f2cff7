"""Where a table's bytes come from, and the Parquet table that ingestion makes of them."""
