"""The shipped pipelines, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from headrace.core.base.errors import InputError


@dataclass(frozen=True)
class ShippedPipeline:
    """A pipeline of this package.

    Attributes:
        entry: Module and function.
        steps: Names of its steps, in the order in which the local runner runs them.
    """

    entry: str
    steps: tuple[str, ...]


_PREPARING = ("fingerprint", "ingest", "infer_contract", "validate", "engineer", "split")
_LEARNING = ("tune", "train", "evaluate")
_RETRAINING = (
    "select_rows",
    *_PREPARING,
    *_LEARNING,
    "gate",
    "package",
    "publish",
    "register",
    "rollout",
    "report",
)
PIPELINES = {
    "training": ShippedPipeline(
        entry="headrace.pipelines.definitions.training:training",
        steps=(
            "fingerprint",
            "ingest",
            "infer_contract",
            "validate",
            "profile",
            "engineer",
            "split",
            "tune",
            "train",
            "evaluate",
            "gate",
            "package",
            "publish",
            "register",
            "deploy",
            "verify_endpoint",
            "report",
        ),
    ),
    "replay": ShippedPipeline(
        entry="headrace.pipelines.definitions.replay:replay", steps=(*_PREPARING, *_LEARNING, "gate", "package")
    ),
    "trial": ShippedPipeline(
        entry="headrace.pipelines.definitions.trial:trial", steps=(*_PREPARING, *_LEARNING, "report_metrics")
    ),
    "preparation": ShippedPipeline(entry="headrace.pipelines.definitions.preparation:preparation", steps=("prepare",)),
    "monitoring": ShippedPipeline(
        entry="headrace.pipelines.definitions.monitoring:monitoring",
        steps=("collect", "join_labels", "monitor", "decide", *_RETRAINING),
    ),
    "retraining": ShippedPipeline(
        entry="headrace.pipelines.definitions.retraining:retraining",
        steps=_RETRAINING,
    ),
    "rollout": ShippedPipeline(entry="headrace.pipelines.definitions.rollout:rollout", steps=("rollout",)),
}


def find_pipeline(name: str) -> ShippedPipeline:
    """Return the catalogue's entry for a pipeline.

    Raises:
        InputError: If no such pipeline is shipped.
    """
    if name not in PIPELINES:
        raise InputError(f"PIPELINE must be one of {', '.join(PIPELINES)}; got {name!r} instead.")
    return PIPELINES[name]


def pipeline(name: str) -> Callable[..., Any]:
    """Return the pipeline function of that name.

    Raises:
        InputError: If no such pipeline is shipped.
    """
    module, function = find_pipeline(name).entry.split(":")
    return getattr(import_module(module), function)  # type: ignore[no-any-return]  # KFP's decorators are untyped
