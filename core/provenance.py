"""Where a model came from: data by digest, choices, and the versions of what made it."""

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from headrace.core.model import Model
from headrace.core.text import plain

FORMAT = 1
# What decides the numbers: the table's, the features', the model's and its file's.
_PACKAGES = (
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


def environment() -> dict[str, Any]:
    """Versions of Python, the machine's kind and the packages that decide what a model answers."""
    return {
        "format": FORMAT,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def provenance(
    *,
    source: Mapping[str, Any],
    split: Mapping[str, int],
    model: Model,
    best: Mapping[str, Any],
    checks: Mapping[str, Any],
    verdict: Mapping[str, Any],
    trace: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a model was made of, without times or paths of the machine.

    Args:
        source: Metadata of ingest's table.
        split: Number of ``train`` and ``test`` rows.
        model: The model.
        best: Content of ``best_parameters``.
        checks: Content of ``checks``.
        verdict: Content of ``verdict``.
        trace: What ``core.trace.line_trace`` found: arguments and digests of the steps; None if they are not known.
    """
    return {
        "format": FORMAT,
        "made_with": f"headrace {metadata.version('headrace')}",
        "table": {
            "source": public_name(str(source.get("source", ""))),
            "digest": str(source.get("digest", "")),
            "rows": int(source.get("rows", 0)),
            "columns": int(source.get("columns", 0)),
        },
        "rows": {**checks.get("rows", {}), **split},
        "train": dict(model.train),
        "search": {key: best[key] for key in ("family", "parameters", "metric", "score", "folds") if key in best},
        "seed": model.seed,
        "verdict": {key: verdict[key] for key in ("verdict", "reasons", "comparison") if key in verdict},
        **_traced(trace or {}),
    }


def _traced(trace: Mapping[str, Any]) -> dict[str, Any]:
    """The trace without paths of the machine: of the champion's, the last part alone."""
    if not trace:
        return {}
    arguments = {step: dict(given) for step, given in trace["arguments"].items()}
    if arguments.get("gate", {}).get("champion"):
        arguments["gate"]["champion"] = public_name(plain(str(arguments["gate"]["champion"])))
    return {"arguments": arguments, "steps": dict(trace["steps"])}


def public_name(source: str) -> str:
    """A source's address without what is this machine's or secret: folders of a path, user, password and query."""
    parts = urlsplit(source)
    if parts.scheme and "://" in source and parts.scheme != "file":
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        path = f"/{PurePath(parts.path).name}" if parts.scheme.startswith("sqlite") else parts.path
        return f"{parts.scheme}://{host}{port}{path}{fragment}"
    return PurePath(source).name
