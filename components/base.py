"""What all components share: the image that they run in."""

from headrace.core.image import IMAGE

__all__ = ["IMAGE"]
