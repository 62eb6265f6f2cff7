"""What a model was made in: versions of Python, of the system and of every package; the image, where it is known."""

import platform
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from headrace.core.base import settings
from headrace.core.packaging import distributions
from headrace.core.packaging.distributions import Distribution

FORMAT = 2
LOCKED = "requirements.lock"
ANSWERING = "requirements.txt"
# What decides the numbers: the table's, the features', the model's and its file's.
_DECIDING = (
    "headrace",
    "holidays",
    "joblib",
    "narwhals",
    "numpy",
    "onnx",
    "onnxruntime",
    "polars",
    "polars-hash",
    "scikit-learn",
    "scipy",
    "skops",
    "threadpoolctl",
)
# What answering takes, beside Headrace's own modules.
_ANSWERING = ("holidays", "narwhals", "numpy", "onnxruntime", "orjson", "polars", "pyyaml")
_ANSWERING_SKLEARN = (*_ANSWERING, "joblib", "scikit-learn", "scipy", "skops", "threadpoolctl")


def environment() -> dict[str, Any]:
    """Python, the system, the image, and the packages that decide what a model answers.

    The kernel and the processor are left out: the same image on another machine gives the same model.
    """
    return {
        "format": FORMAT,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "image": settings.image_digest(),
        "packages": {name: metadata.version(name) for name in _DECIDING},
    }


def lock_requirements() -> str:
    """Headrace and everything that it stands on, as a requirements file."""
    head = f"# What the model was made with, on Python {platform.python_version()}.\n"
    return head + _pins(distributions.suite())


def answering(engine: str) -> str:
    """What another server needs beside itself to answer with the bundle, as a requirements file.

    It has the name under which MLflow looks for it.

    Args:
        engine: ``onnx`` or ``sklearn``.
    """
    head = (
        "# What another server, such as MLServer or MLflow's, needs beside itself to answer with this model:\n"
        f"#   pip install --no-deps --requirement {ANSWERING}\n"
    )
    needed = distributions.closure(_ANSWERING if engine == "onnx" else _ANSWERING_SKLEARN)
    own = Distribution(name="headrace", version=metadata.version("headrace"))
    return head + _pins(sorted([own, *needed], key=lambda one: one.name))


def _pins(found: Iterable[Distribution]) -> str:
    return "".join(f"{one.pin}\n" for one in found)
