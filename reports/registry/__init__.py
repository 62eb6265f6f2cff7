"""Pages of the registry: versions and lineage."""
