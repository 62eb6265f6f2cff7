"""Pages for people: the profile of a table and the report of a run."""
