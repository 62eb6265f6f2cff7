"""Encoders of texts become encoders of codes: the model matrix holds a category by its place in the contract."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from headrace.core.base.errors import InputError, quote
from headrace.model_import.imported_model import CategoryCodes
from headrace.model_import.signature import InputColumn


def is_encoder(step: Any) -> bool:
    """Return whether a fitted transformer encodes categories."""
    return isinstance(step, OneHotEncoder | OrdinalEncoder)


def code_steps(steps: Sequence[Any], columns: Sequence[InputColumn]) -> tuple[list[Any], list[CategoryCodes]]:
    """Rewrite fitted steps that take texts or whole numbers so that they take codes.

    Args:
        steps: Imputers, one encoder, and what follows it.
        columns: The columns that they take.

    Returns:
        New steps, and the categories of each column.

    Raises:
        InputError: If a step before the encoder is no imputer, or there is no encoder.
    """
    names = quote([column.name for column in columns])
    place = next((number for number, step in enumerate(steps) if is_encoder(step)), None)
    if place is None:
        found = ", ".join(type(step).__name__ for step in steps) or "nothing"
        raise InputError(
            f"the text columns {names} must go through a OneHotEncoder or an OrdinalEncoder to be imported; they go "
            f"through {found}."
        )
    for step in steps[:place]:
        if not isinstance(step, SimpleImputer) or step.add_indicator or not _is_nan(step.missing_values):
            raise InputError(
                f"before the encoder of the columns {names} there must be SimpleImputers for NaN only; there is "
                f"{quote(str(step))}."
            )
    encoder = steps[place]
    values = [_values(seen) for seen in encoder.categories_]
    fills = _fills(steps[:place], len(columns))
    coded = [
        _code_column(encoder, column, listed, missing=has_missing if fill is None else fill in listed)
        for column, (listed, has_missing), fill in zip(columns, values, fills, strict=True)
    ]
    imputers = [_imputer(step, [listed for listed, _ in values]) for step in steps[:place]]
    return [*imputers, _encoder(encoder, values), *steps[place + 1 :]], coded


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)


def _values(seen: Any) -> tuple[list[Any], bool]:
    """Return the values of an encoder's column without the missing one, and whether it has that."""
    listed = [value for value in np.asarray(seen, dtype=object).tolist() if value is not None and not _is_nan(value)]
    return listed, len(listed) < len(seen)


def _fills(imputers: Sequence[SimpleImputer], width: int) -> list[Any]:
    """Return what the encoder sees in the place of a missing value, for each column; None if it stays missing."""
    fills: list[Any] = [None] * width
    for imputer in imputers:
        values = [None if _is_nan(value) else value for value in imputer.statistics_.tolist()]
        fills = [value if fill is None else fill for fill, value in zip(fills, values, strict=True)]
    return fills


def _code_column(encoder: Any, column: InputColumn, listed: Sequence[Any], *, missing: bool) -> CategoryCodes:
    accepts = encoder.handle_unknown != "error"
    texts = [str(value) for value in listed]
    kind = str if column.dtype == "string" else int
    if not all(type(value) is kind for value in listed):
        raise InputError(
            f"the categories of the column {quote(column.name)} must be {'texts' if kind is str else 'whole numbers'}, "
            f"as its signature says; the encoder knows {quote(list(listed)[:5])}."
        )
    if accepts and column.dtype != "string":
        raise InputError(
            f"the encoder of the column {quote(column.name)}, of whole numbers, must refuse unknown values, as a "
            "contract does; it takes them: make the column a text, and log the model again."
        )
    codes = CategoryCodes(tuple(texts), unseen=accepts, missing=accepts or missing)
    codes.check(column.name)
    return codes


def _imputer(step: SimpleImputer, values: Sequence[Sequence[Any]]) -> SimpleImputer:
    codes = []
    for fill, listed in zip(step.statistics_.tolist(), values, strict=True):
        # A filling that the encoder does not know is unlisted to it, as -1 is in the matrix.
        codes.append(float(listed.index(fill)) if fill in listed else -1.0)
    imputer = SimpleImputer(strategy=step.strategy, keep_empty_features=True)
    if step.strategy == "constant":
        imputer.fill_value = 0.0
    imputer.fit(np.zeros((1, len(codes))))
    imputer.statistics_ = np.array(codes)
    return imputer


def _encoder(encoder: Any, values: Sequence[tuple[Sequence[Any], bool]]) -> Any:
    state = {key: value for key, value in vars(encoder).items() if key != "feature_names_in_"}
    new = type(encoder)()
    vars(new).update(state)
    new.categories = "auto"
    new.categories_ = [
        np.array([*map(float, range(len(listed))), *([float("nan")] if has_missing else [])])
        for listed, has_missing in values
    ]
    if isinstance(encoder, OneHotEncoder):
        new.drop = encoder.drop if isinstance(encoder.drop, str) else None
    # What the encoder refuses the contract refuses before: the encoder itself need not.
    if new.handle_unknown == "error":
        new.handle_unknown = "ignore" if isinstance(encoder, OneHotEncoder) else "use_encoded_value"
        if isinstance(encoder, OrdinalEncoder):
            new.unknown_value = -1
    return new
