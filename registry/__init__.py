"""Models under names and stages, tables in a catalogue, and who did what: MLflow and SQL behind ports of our own."""
