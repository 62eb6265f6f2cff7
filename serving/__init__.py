"""The serving runtime: a KServe model server for bundles, and the local deployer."""
