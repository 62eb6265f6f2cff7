"""Notices to people of incidents, once for each, with recovery."""
