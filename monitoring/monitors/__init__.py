"""The monitors of one window: stored rows, labels and the state of the servers become a report."""
