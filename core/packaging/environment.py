"""The environment that made a model: versions of Python, the system and every package; the image, if known."""

import platform
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from headrace.core.base import settings
from headrace.core.packaging import distributions
from headrace.core.packaging.distributions import Distribution

FORMAT = 2
LOCKED = "requirements.lock"
SERVING = "requirements.txt"
# Packages that decide the numbers: of the table, the features, the model and its file.
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
# What a server needs to predict, beside Headrace's own modules.
_ANSWERING = ("holidays", "narwhals", "numpy", "onnxruntime", "orjson", "polars", "pyyaml")
_ANSWERING_SKLEARN = (*_ANSWERING, "joblib", "scikit-learn", "scipy", "skops", "threadpoolctl")
_DETECTING = ("scipy", "threadpoolctl")
_EXPLAINING = (*_ANSWERING_SKLEARN, "shap")
_ANSWERING_BY_ENGINE = {
    "onnx": _ANSWERING,
    "sklearn": _ANSWERING_SKLEARN,
    # Java and the suite's library are not of PyPI.
    "mojo": tuple(name for name in _ANSWERING if name != "onnxruntime"),
}


def environment() -> dict[str, Any]:
    """Return Python, the system, the image, and the packages that decide what a model predicts.

    Kernel and processor are left out: the same image gives the same model on another machine.
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
    """Return Headrace and everything that it depends on, as a requirements file."""
    head = f"# What the model was made with, on Python {platform.python_version()}.\n"
    return head + _pins(distributions.installed_suite())


def serving_packages(engine: str, *, detectors: bool = False, explainer: bool = False) -> tuple[str, ...]:
    """Return the packages that a server needs beside itself and Headrace's own modules, without what those need.

    Args:
        engine: ``onnx``, ``sklearn`` or ``mojo``.
        detectors: Whether it looks for drift and outliers.
        explainer: Whether it explains.
    """
    names = (*_ANSWERING_BY_ENGINE[engine], *(_DETECTING if detectors else ()), *(_EXPLAINING if explainer else ()))
    return tuple(dict.fromkeys(names))


def serving_requirements(engine: str) -> str:
    """Return what another server needs beside itself to predict with the bundle, as a requirements file.

    Its name is the one that MLflow looks for.

    Args:
        engine: ``onnx``, ``sklearn`` or ``mojo``; the last needs Java and the suite's Java library, too.
    """
    head = (
        "# What another server, such as MLServer or MLflow's, needs beside itself to answer with this model:\n"
        f"#   pip install --no-deps --requirement {SERVING}\n"
    )
    needed = distributions.resolve_requirements(serving_packages(engine))
    own = Distribution(name="headrace", version=metadata.version("headrace"))
    return head + _pins(sorted([own, *needed], key=lambda one: one.name))


def _pins(listed: Iterable[Distribution]) -> str:
    return "".join(f"{one.pin}\n" for one in listed)
