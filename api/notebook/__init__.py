"""What a notebook needs of the library: views of results, and the run that a notebook belongs to."""
