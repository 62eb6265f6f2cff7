"""Steps on tables: ingestion, contract, validation, features, split."""
