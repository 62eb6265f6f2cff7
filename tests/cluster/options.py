"""Options of the manifests as kustomize renders each by itself: goldens, which ``make compiled`` renews."""

from typing import Any

import yaml

from tests.conftest import REPOSITORY

GOLDEN = REPOSITORY / "tests" / "golden" / "kustomize"
OPTIONS = ("collector", "monitor", "stream", "stream-keda", "stream-sidecar")
"""Options whose objects run, and that no shipped overlay has."""


def option(name: str, *, namespace: str = "") -> list[dict[str, Any]]:
    """The objects of an option.

    Args:
        name: The option.
        namespace: Where they are to lie; empty for the overlays' own.
    """
    text = (GOLDEN / f"{name}.yaml").read_text()
    if namespace:
        text = text.replace("namespace: headrace\n", f"namespace: {namespace}\n")
    return [document for document in yaml.safe_load_all(text) if document]
