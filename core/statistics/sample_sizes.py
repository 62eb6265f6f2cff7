"""How many rows, rows of a class and clusters it takes to tell one model from another."""

# Fewer test rows than these, or fewer of the rarer class, cannot tell a better model from a lucky one.
FEWEST_ROWS = 20
FEWEST_OF_A_CLASS = 5

# Nor can fewer groups, keys or blocks of time, where rows were drawn in such: with fewer than about ten the variance
# between them is hardly known (Cameron, Gelbach and Miller 2008, Bootstrap-Based Improvements for Inference with
# Clustered Errors, Review of Economics and Statistics 90).
FEWEST_CLUSTERS = 10
