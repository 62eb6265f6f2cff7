"""Components for tables: ingestion, contract, validation, features, split."""
