"""Checks of a cluster before something is run or installed there."""
