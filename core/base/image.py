"""The suite's own image, which components, trials and servers run in."""

from importlib.metadata import version

# The name contains "python" because kfp.local warns about images whose name does not.
IMAGE = f"headrace/headrace-python:{version('headrace')}"
