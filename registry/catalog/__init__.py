"""The catalogue of tables, runs, bundles and endpoints."""
