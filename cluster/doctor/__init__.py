"""What is looked at in a cluster before something is run or installed there."""
