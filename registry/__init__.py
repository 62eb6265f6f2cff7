"""Registry of models with versions and stages, and catalogue of tables: MLflow and SQL behind ports of our own."""
