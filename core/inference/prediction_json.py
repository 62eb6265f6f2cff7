"""Predictions as JSON objects."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headrace.core.base.errors import InternalError

if TYPE_CHECKING:
    from headrace.core.models.fitted_model import Prediction

Answer = dict[str, Any]


def to_json(prediction: "Prediction", classes: Sequence[str]) -> list[Answer]:
    """Return one object for each row: ``label`` and ``probabilities`` by class, ``value``, or ``score`` and ``alert``.

    Args:
        prediction: Labels (n,) with probabilities (n, k), values (n,), or values with alerts (n,).
        classes: The k class labels, in the order of the probabilities.

    Raises:
        InternalError: If a number is not finite, or there are neither labels nor values.
    """
    if prediction.values is not None:
        _require_finite(prediction.values)
        if prediction.alerts is not None:
            pairs = zip(prediction.values.tolist(), prediction.alerts, strict=True)
            return [{"score": score, "alert": alert} for score, alert in pairs]
        return [{"value": value} for value in prediction.values.tolist()]
    if prediction.labels is None or prediction.probabilities is None:
        raise InternalError("a model must give labels with probabilities, or values; it gave neither.")
    _require_finite(prediction.probabilities)
    return [
        {"label": label, "probabilities": dict(zip(classes, row, strict=True))}
        for label, row in zip(prediction.labels, prediction.probabilities.tolist(), strict=True)
    ]


def describe_difference(expected: Mapping[str, Any], got: Any, *, relative: float, absolute: float) -> str:
    """Describe in a few words how an answer differs from the expected one; empty if it does not.

    Args:
        expected: An object of ``to_json``.
        got: The answer of a server.
        relative: Largest allowed difference of numbers, as a share of the expected one.
        absolute: Largest allowed difference of numbers.
    """
    actual, required = _flat(got), _flat(expected)
    for name, value in required.items():
        if name not in actual:
            return f"{name} is absent"
        other = actual[name]
        if isinstance(value, float | int) and isinstance(other, float | int) and not isinstance(value, bool):
            if not abs(value - other) <= max(absolute, relative * abs(value)):
                return f"{name} is {other!r} instead of {value!r}"
        elif value != other:
            return f"{name} is {other!r} instead of {value!r}"
    extra = sorted(set(actual) - set(required))
    return f"{extra[0]} is not expected" if extra else ""


def _flat(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, Mapping):
        return {"the answer": answer}
    flat = {key: value for key, value in answer.items() if not isinstance(value, Mapping)}
    for key, value in answer.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}[{name}]": number for name, number in value.items()}
    return flat


def _require_finite(numbers: Any) -> None:
    if not np.isfinite(numbers).all():
        raise InternalError("a model must answer with finite numbers; this one gave NaN or an infinity.")
