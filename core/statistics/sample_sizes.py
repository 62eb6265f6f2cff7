"""Numbers of rows, rows of a class and clusters that it takes to tell one model from another."""

# With fewer test rows, or fewer of the rarer class, a better model cannot be distinguished from a lucky one.
FEWEST_ROWS = 20
FEWEST_OF_A_CLASS = 5

# The same holds for groups, keys or blocks of time, where rows were sampled in such: with fewer than about ten, the
# variance between them is hardly known (Cameron, Gelbach and Miller 2008, Bootstrap-Based Improvements for Inference
# with Clustered Errors, Review of Economics and Statistics 90).
FEWEST_CLUSTERS = 10
