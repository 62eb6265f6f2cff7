"""What all components share: the image that they run in."""

from importlib.metadata import version

# The name holds "python" because kfp.local warns of images whose name does not.
IMAGE = f"headrace/headrace-python:{version('headrace')}"
