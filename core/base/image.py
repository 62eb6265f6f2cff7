"""The suite's own image, in which components, trials and servers run."""

from importlib.metadata import version

# The name holds "python" because kfp.local warns of images whose name does not.
IMAGE = f"headrace/headrace-python:{version('headrace')}"
