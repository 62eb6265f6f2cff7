"""The search space, the algorithms and the objective of an Experiment."""
