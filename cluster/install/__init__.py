"""The installation of the suite on a cluster: manifests, Secrets and requirements."""
