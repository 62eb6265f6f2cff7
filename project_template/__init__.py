"""A project of a user's own, made from a template (docs/guides/projects.md)."""
