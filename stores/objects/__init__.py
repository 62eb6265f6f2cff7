"""The object store: its port, S3, and a store on this machine."""
