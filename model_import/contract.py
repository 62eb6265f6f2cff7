"""The data contract of an imported model, from its signature and from what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.vocabulary import Dtype, Task
from headrace.model_import.imported_model import ImportedModel
from headrace.model_import.signature import InputColumn


@dataclass(frozen=True)
class PredictionNames:
    """What a person says of the prediction, where the model does not.

    Attributes:
        target: Name of the predicted column.
        classes: Names of the classes, in the order of the probabilities; empty for those of the model.
        positive: The class whose probability is reported (binary); empty for the second one.
    """

    target: str = "target"
    classes: tuple[str, ...] = ()
    positive: str = ""


def make_contract(model: ImportedModel, name: str, prediction: PredictionNames) -> Contract:
    """Make the contract of an imported model.

    A missing value is refused unless the model answers it and the signature allows it: numbers may be NaN in MLflow,
    other columns only where they are not required.

    Args:
        model: The model.
        name: Name of the contract.
        prediction: What is predicted.

    Raises:
        InputError: If the given classes do not fit the model.
    """
    classes, dtype = _classes(model, prediction)
    task: Task = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    if prediction.positive and task != "binary":
        raise InputError(f"a positive class belongs to a model of two classes; this one is of the task {task}.")
    missing = _accept_missing(model)
    names = [column.name for column in model.columns]
    columns = [
        Column(
            one.name,
            one.dtype,
            missing=float(accepts and _may_be_missing(one, model) and (coded is None or coded.missing)),
            categories=coded.categories if coded else None,
            unseen="accept" if coded and coded.unseen else "refuse",
        )
        for one, accepts, coded in zip(model.columns, missing, map(model.coded.get, names), strict=True)
    ]
    columns += [Column(one.name, one.dtype, role="ignore") for one in model.ignored]
    target = Column(prediction.target, dtype, role="target", categories=classes or None)
    return Contract(
        name=name,
        task=task,
        columns=(*columns, target),
        positive=prediction.positive or (classes[1] if task == "binary" else ""),
        # An empty text is one that no encoder knows; in a CSV file it is a missing value, as pandas reads it.
        missing_values=(),
        # As MLflow does: a value that the model cannot take is refused, not scored.
        rules={"missing": "stop"},
    )


def _may_be_missing(column: InputColumn, model: ImportedModel) -> bool:
    """Return whether MLflow would hand on a missing value: NaN is a number to it, and a missing text in a frame."""
    if model.flavor == "onnx":
        return column.dtype == "number"
    return column.dtype in {"number", "string"} or not column.required


def _classes(model: ImportedModel, prediction: PredictionNames) -> tuple[tuple[str, ...], Dtype]:
    """Return the names of the classes, and the target's dtype."""
    given = prediction.classes
    if "" in given:
        raise InputError(f"the name of a class must not be empty; got {quote(list(given))}.")
    if not model.classes:
        if given:
            raise InputError(f"a regression has no classes; got {quote(list(given))} for a {model.family}.")
        return (), "number"
    if given and len(given) != len(model.classes):
        raise InputError(
            f"the model predicts {len(model.classes)} classes, {quote([str(one) for one in model.classes])}; got the "
            f"names {quote(list(given))}."
        )
    if len(set(given)) < len(given):
        raise InputError(f"the classes must have different names; got {quote(list(given))}.")
    if given:
        return given, "string"
    if all(type(one) is bool for one in model.classes):
        return tuple(str(one).lower() for one in model.classes), "boolean"
    if all(type(one) is int for one in model.classes):
        return tuple(str(one) for one in model.classes), "integer"
    names = tuple(str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in model.classes)
    return names, "integer" if all(isinstance(one, float) and one.is_integer() for one in model.classes) else "string"


def _accept_missing(model: ImportedModel) -> Sequence[bool]:
    """Return for each column (p,) whether the model answers a row without it."""
    width = len(model.columns)
    if _answers(model, np.full((1, width), np.nan)):
        return [True] * width
    probes = np.where(np.eye(width, dtype=bool), np.nan, 0.0)
    return [_answers(model, probe[None]) for probe in probes]


def _answers(model: ImportedModel, row: Any) -> bool:
    predict = model.estimator.predict_proba if model.classes else model.estimator.predict
    try:
        return bool(np.isfinite(predict(row)).all())
    except ValueError:  # scikit-learn's own refusal of NaN
        return False
