"""What an installation on Kubernetes consists of: manifests for kustomize, and how they render.

``base`` holds nouns, ``components`` options, ``overlays`` ways to install; ``rendered`` is what ``kubectl kustomize``
makes of each overlay, so that nobody needs kustomize to use one.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
OVERLAYS = ("local", "staging", "production")
