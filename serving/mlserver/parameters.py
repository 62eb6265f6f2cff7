"""What a model's settings may say to a runtime, and the answerer that follows from it.

Seldon Core 2 writes the ``parameters`` of a ``Model`` as texts into ``parameters.extra`` of ``model-settings.json``,
and both versions of Seldon write what their ``explainer`` says.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from headrace.core.base.errors import InputError, quote
from headrace.core.bundles.bundle import VerificationPolicy
from headrace.core.packaging import flavors
from headrace.serving.mlserver.answerer import Answerer
from headrace.serving.mlserver.predictions import PredictionAnswerer
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.model_holder import ModelHolder

Answers = Literal["predictions", "explanations", "outlier", "drift"]
DETECTOR, EXPLAINER, WINDOW_ROWS, ALPHA = "detector", "explainer_type", "window_rows", "alpha"
_DETECTORS = ("drift", "outlier")
# Seldon writes the others for explainers that ask a model; these explain from the bundle.
_IGNORED = frozenset({"infer_uri", "ssl_verify_path", "init_parameters"})
# Seldon Core 2 writes the model's name and version into the file before it starts a server.
_REWRITTEN = VerificationPolicy(rewritten=frozenset({flavors.MLSERVER}))


def choose_answers(extra: Mapping[str, Any]) -> Answers:
    """Return what the bundle's own runtime answers by its parameters.

    Args:
        extra: ``parameters.extra`` of the model's settings.

    Raises:
        InputError: If they name an unknown detector, or a detector and an explainer.
    """
    detector = extra.get(DETECTOR)
    if detector is None:
        return "explanations" if EXPLAINER in extra else "predictions"
    if detector not in _DETECTORS or EXPLAINER in extra:
        raise InputError(
            f"the parameter {DETECTOR} must be one of {', '.join(_DETECTORS)}, of a model that is no explainer; got "
            f"{quote(detector)} instead."
        )
    return "drift" if detector == "drift" else "outlier"


def open_answerer(folder: Path, *, name: str, answers: Answers, extra: Mapping[str, Any]) -> Answerer:
    """Verify a bundle, load it, and return what answers with it.

    Args:
        folder: The bundle; the bytes of its ``model-settings.json`` are not compared.
        name: Its name in MLServer.
        answers: What to answer.
        extra: ``parameters.extra`` of the model's settings.

    Raises:
        BundleError: If the bundle is not intact, or its answers differ from its test cases.
        InputError: If a parameter is unknown or out of range.
    """
    _check_names(extra, answers)
    holder = ModelHolder(str(folder), name=name, policy=_REWRITTEN)
    executor = RequestExecutor(holder, RequestLimits())
    if answers == "predictions":
        return PredictionAnswerer(executor)
    if answers == "explanations":
        from headrace.serving.mlserver.explanations import ExplanationAnswerer  # noqa: PLC0415 - by need

        return ExplanationAnswerer(executor)
    numbers: dict[str, Any] = {ALPHA: _number(extra, ALPHA, float)} if ALPHA in extra else {}
    if answers == "outlier":
        from headrace.serving.mlserver.outliers import OutlierAnswerer  # noqa: PLC0415 - polars and scipy are slow

        return OutlierAnswerer(executor, **numbers)
    from headrace.serving.mlserver.drift import DriftAnswerer  # noqa: PLC0415 - as above

    if WINDOW_ROWS in extra:
        numbers[WINDOW_ROWS] = _number(extra, WINDOW_ROWS, int)
    return DriftAnswerer(executor, **numbers)


def _check_names(extra: Mapping[str, Any], answers: Answers) -> None:
    own = {"drift": {DETECTOR, WINDOW_ROWS, ALPHA}, "outlier": {DETECTOR, ALPHA}, "explanations": {EXPLAINER}}
    known = own.get(answers, set[str]()) | _IGNORED
    unknown = next((name for name in extra if name not in known), None)
    if unknown is not None:
        allowed = ", ".join(sorted(known - _IGNORED)) or "none"
        raise InputError(f"the parameters of a model that answers {answers} may be {allowed}; got {quote(unknown)}.")


def _number(extra: Mapping[str, Any], name: str, kind: type[int] | type[float]) -> Any:
    """Return a number that Seldon may have written as text."""
    try:
        return kind(str(extra[name]))
    except ValueError as error:
        what = "a whole number" if kind is int else "a number"
        raise InputError(f"the parameter {name} must be {what}; got {quote(extra[name])} instead.") from error
