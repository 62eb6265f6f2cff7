"""The scoring plan: what the Java library needs of contract and model, with all that Python derives from them.

Holidays, patterns of number notations, names of months and the words of error sentences are derived here, so that Java
repeats rules only and no tables. ``headrace.jvm.ScoringPlan`` in ``jvm/`` reads it.
"""

import re
from datetime import date
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.features import matrix_layout
from headrace.core.inference.scorer import Scorer
from headrace.core.validation import row_rules
from headrace.core.values import month_names, number_notation
from headrace.core.values.timestamps import ISO_FORMATS, SEPARATOR

FORMAT = 2
"""The Java library reads this format only."""

_RULES = ("type", "finite", "range", "category", "missing", "columns", "unknown_columns")
_DIRECTIVES = r"%(?:\.f|#z|[YmdyHIMSpbB])"
_EPOCH = date(1970, 1, 1)


def build_plan(scorer: Scorer, *, engine: str) -> dict[str, Any]:
    """Return the scoring plan of a model, as values of JSON.

    Args:
        scorer: The model.
        engine: ``onnx`` or ``mojo``.

    Raises:
        InputError: If the model is of a task that the Java library does not answer, or a time's format has a
            directive that it does not read.
    """
    contract = scorer.contract
    if contract.task == "anomaly":
        raise InputError(
            f"the Java library answers no anomaly scores, and {scorer.name} is an anomaly model: serve it with "
            "headrace serve, or score tables with headrace score."
        )
    inputs = [_input(column, contract) for column in contract.inputs]
    return {
        "format": FORMAT,
        "name": scorer.name,
        "digest": scorer.digest,
        "engine": engine,
        "task": contract.task,
        "classes": list(scorer.classes),
        "positive": scorer.positive if contract.task == "binary" else 0,
        "threshold": scorer.threshold,
        "severities": {rule: contract.severity(rule) for rule in _RULES},
        "missing_values": sorted(contract.missing_values),
        "names": sorted(contract.names),
        "inputs": inputs,
        "features": [_feature(feature, contract) for feature in contract.features],
        "matrix": list(matrix_layout.origins(contract)),
        "months": _months(inputs),
    }


def _input(column: Column, contract: Contract) -> dict[str, Any]:
    is_number = column.dtype in {"integer", "number"}
    notation = number_notation.notation_of(column.format) if is_number and column.format else None
    rules = ["type", "finite"]
    rules += ["range"] if column.minimum is not None or column.maximum is not None else []
    rules += ["category"] if column.categories is not None else []
    return {
        "name": column.name,
        "dtype": column.dtype,
        "is_checked": column.role != "ignore",
        "is_feature": column.role == "feature",
        "minimum": None if column.minimum is None else float(column.minimum),
        "maximum": None if column.maximum is None else float(column.maximum),
        "categories": None if column.categories is None else list(column.categories),
        "accepts_unseen": column.unseen == "accept",
        "is_required": column.missing == 0 and column.role not in {"target", "ignore"},
        "is_personal": bool(column.personal),
        "notation": notation and {"pattern": _java_pattern(notation), "decimal": notation.decimal},
        "has_forms": column.dtype == "timestamp" and bool(column.format),
        "forms": _forms(column, contract) if column.dtype == "timestamp" else [],
        "expectations": {rule: row_rules.expectation(column, rule) for rule in rules},
    }


def _java_pattern(notation: number_notation.NumberNotation) -> str:
    return number_notation.pattern(notation)[1:-1].replace("(?P<", "(?<")


def _forms(column: Column, contract: Contract) -> list[str]:
    """Return the forms in which a time may be written, in the order in which they are tried."""
    own = column.format.split(SEPARATOR) if column.format else []
    for form in own:
        if "%" in re.sub(_DIRECTIVES, "", form):
            raise InputError(
                f"the format of column {quote(column.name)} in the contract {contract.name} must consist of %Y %y %m "
                f"%b %B %d %H %I %p %M %S %.f %#z for the Java library to read it; got {quote(form)} instead."
            )
    return [*own, *ISO_FORMATS]


def _feature(feature: RowFeature, contract: Contract) -> dict[str, Any]:
    names = [column.name for column in contract.inputs]
    return {
        "name": feature.name,
        "kind": feature.kind,
        "inputs": [names.index(name) for name in feature.columns],
        "holidays": _holidays(feature.country) if feature.kind == "holiday" else [],
    }


def _holidays(country: str) -> list[int]:
    """Return a country's public holidays as days since 1970."""
    from headrace.core.contracts.holidays import public_holidays  # noqa: PLC0415 - 0.2 s that few contracts need

    return [(day - _EPOCH).days for day in public_holidays(country)]


def _months(inputs: list[dict[str, Any]]) -> dict[str, str]:
    """Return English months by the start of their name in any language, if a form has names of months."""
    named = any("%b" in form or "%B" in form for item in inputs for form in item["forms"])
    return dict(month_names.ENGLISH_BY_START) if named else {}
