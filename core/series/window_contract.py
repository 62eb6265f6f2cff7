"""The contract of the rows that windows give, from the contract of the table that the series stand in."""

from collections.abc import Iterator
from dataclasses import replace

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Column, Contract, FeatureKind, RowFeature
from headrace.core.contracts.series import Series
from headrace.core.series.steps import Step
from headrace.core.series.windows import CHANGE, DRIFT, GAP, GAP_BEFORE, NAIVE, ORIGIN, STEP, feature_names

_MOST_KEYS = 500
_DAY = 86_400_000_000
_WORDS = {
    GAP: "Seasonal naive forecast minus the last value of the window.",
    GAP_BEFORE: "Value one season before that of the seasonal naive forecast, minus the forecast.",
    DRIFT: "Mean of the last season of the window minus that of the one before.",
}


def window_contract(table: Contract, series: Series, *, keys: dict[str, list[str]]) -> Contract:
    """Return the contract of windows: a regression of the change from the seasonal naive forecast.

    Args:
        table: Contract of the table, for names, units and types.
        series: What is forecast from what.
        keys: Values of each key column; one of many values is no feature, so that the model is one for all.

    Raises:
        InputError: If a column of the table has a name that windows need.
    """
    features = feature_names(series)
    made = {ORIGIN, STEP, NAIVE, CHANGE, *features}
    names = [series.time, *series.keys, *series.known]
    taken = sorted(made.intersection(names))
    if taken:
        raise InputError(f"windows have columns of their own; {quote(taken)} must be named differently in the table.")
    unit = table.column(series.target).unit
    columns = [
        *(_key_column(table.column(name), keys[name]) for name in series.keys),
        Column(ORIGIN, "timestamp", "ignore", description="Time of the last value of the window."),
        replace(table.column(series.time), role="timestamp", description="Time that is predicted."),
        Column(STEP, "integer", categories=tuple(str(step) for step in range(1, series.horizon + 1))),
        *(replace(table.column(name), known_at_prediction=True) for name in series.known),
        *(Column(name, "number", unit=unit, description=_WORDS.get(name, "")) for name in features),
        Column(NAIVE, "number", "ignore", unit=unit, description="Seasonal naive forecast."),
        Column(CHANGE, "number", "target", unit=unit, description=f"{series.target} minus {NAIVE}."),
    ]
    return Contract(
        name=table.name,
        task="regression",
        columns=tuple(columns),
        features=tuple(_calendar(series)),
        keys=(*series.keys, ORIGIN, series.time),
        # A constant series, or one with equal seasons, makes constant columns, and a lag may tell all of a smooth one.
        rules={"constant": "off", "leakage": "off", "duplicate_rows": "off"},
        time_column=series.time,
        series=series,
    )


def _key_column(column: Column, values: list[str]) -> Column:
    if column.dtype == "string" and len(values) <= _MOST_KEYS:
        return Column(column.name, "string", categories=tuple(values), unseen="accept")
    return Column(column.name, column.dtype, "id")


def _calendar(series: Series) -> Iterator[RowFeature]:
    """Yield features of the time that is predicted, as far as the step lets them differ."""
    step = Step.parse(series.step)
    kinds: list[FeatureKind] = []
    if step.microseconds and step.microseconds < _DAY:
        kinds.append("hour")
    if step.microseconds and step.microseconds <= _DAY:
        kinds.append("day_of_week")
    if step.months != 12:
        kinds.append("month")
    for kind in kinds:
        yield RowFeature(name=f"{kind}_of_{series.time}", kind=kind, columns=(series.time,))
