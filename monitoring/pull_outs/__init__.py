"""Pull-outs: a version of a model leaves production, and another one takes over."""
