"""Commands of the registry, the catalogue and signatures."""
