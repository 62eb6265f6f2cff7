"""Requests for forecasts in V1: the latest rows of a key come in, its next values go out.

The model itself answers rows of windows. A request with histories becomes such rows by the function that made the
training rows, and the answer is put together again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from headrace.core.base.errors import DataError, RequestError
from headrace.core.contracts.contract import Contract
from headrace.core.series.forecast_input import forecast_windows, series_of, typed_history
from headrace.core.series.windows import NAIVE, ORIGIN
from headrace.core.validation import records
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows, ScoredRows
from headrace.serving.protocols.json_body import Document, check_row_count, kind

HISTORY, FUTURE = "history", "future"
_FIELDS = frozenset({HISTORY, FUTURE})


@dataclass(frozen=True)
class RequestedForecast:
    """What the answer to one history holds beside the model's.

    Attributes:
        key: Values of the key columns.
        origin: Time of the last value.
        times: Times (h,) that are predicted.
        naive: Seasonal naive forecast (h,), to which the model's answers are added.
    """

    key: Mapping[str, object]
    origin: str
    times: tuple[str, ...]
    naive: tuple[float, ...]


class ForecastDocument(dict[str, Any]):
    """A request's document with the forecasts that it asks for."""

    def __init__(self, document: Document, requested: Sequence[RequestedForecast]) -> None:
        """Keep the document and the forecasts."""
        super().__init__(document)
        self.requested = tuple(requested)


def open_histories(
    document: Document, rows: InputRows, contract: Contract, limits: RequestLimits
) -> tuple[Document, InputRows]:
    """Return a request as it is, or, if its instances are histories, with the rows of their windows.

    Args:
        document: The request.
        rows: Its rows; histories are objects ``{"history": [ROW, ...], "future": [ROW, ...]}``, each of one key.
        contract: Contract of the model.
        limits: Limits, of which ``rows`` applies to histories and windows alike.

    Raises:
        RequestError: If a history is no list of rows, too short, irregular or of other types; the sentence names it.
    """
    if contract.series is None or type(rows) is not list or not rows or not _is_history(rows[0]):
        return document, rows
    check_row_count(len(rows) * contract.series.horizon, limits)
    frames = [_windows(instance, place, contract, limits) for place, instance in enumerate(rows)]
    names = [column.name for column in contract.inputs]
    together = pl.concat(frames)
    times = [name for name in names if together.schema[name] == pl.Datetime]
    plain = together.select(names).with_columns(pl.col(times).dt.to_string("iso:strict")) if times else together
    columns = plain.select(names).to_dict(as_series=False)
    return ForecastDocument(document, [_describe_request(frame, contract) for frame in frames]), columns


def _is_history(instance: Any) -> bool:
    return type(instance) is dict and HISTORY in instance


def _windows(instance: Any, place: int, contract: Contract, limits: RequestLimits) -> pl.DataFrame:
    """Return the windows (h rows) of one history."""
    if not _is_history(instance) or not _FIELDS.issuperset(instance):
        raise RequestError(
            f'instance {place} must be {{"history": [ROW, ...]}}, with "future": [ROW, ...] for known columns, as all '
            "others are."
        )
    target = series_of(contract).target
    history, future = instance[HISTORY], instance.get(FUTURE, [])
    for name, value in ((HISTORY, history), (FUTURE, future)):
        if type(value) is not list or not all(type(row) is dict for row in value):
            raise RequestError(f"{name} of instance {place} must be an array of objects by column; got {kind(value)}.")
        check_row_count(len(value), limits)
    if any(target in row for row in future):
        raise RequestError(f"the rows of {FUTURE} of instance {place} must be without {target!r}; it is not known yet.")
    try:
        raw = records.table([*history, *({**row, target: None} for row in future)], contract)
        windows = forecast_windows(typed_history(raw, contract), contract)
    except DataError as error:
        raise RequestError(f"instance {place}: {error}", "history") from error
    except RequestError as error:
        raise RequestError(f"instance {place}: {error}", error.reason) from error
    if windows.height != series_of(contract).horizon:
        keys = ", ".join(series_of(contract).keys)
        raise RequestError(f"instance {place} must hold the rows of one key ({keys}); send one for each.", "keys")
    return windows


def _describe_request(windows: pl.DataFrame, contract: Contract) -> RequestedForecast:
    series = series_of(contract)
    return RequestedForecast(
        key={name: windows.get_column(name)[0] for name in series.keys},
        origin=windows.get_column(ORIGIN)[0].isoformat(),
        times=tuple(time.isoformat() for time in windows.get_column(series.time)),
        naive=tuple(windows.get_column(NAIVE).to_list()),
    )


def answer(document: ForecastDocument, scored: ScoredRows, explanations: Sequence[Any] | None) -> bytes:
    """Return the body of a response: ``{"predictions": [...]}``, one object for each history.

    Args:
        document: The request.
        scored: The model's answers to the windows, differences from the seasonal naive forecast.
        explanations: One for each of them, if requested.
    """
    predictions, place, grouped = [], 0, []
    for one in document.requested:
        count = len(one.times)
        changes = scored.scores[place : place + count]
        values = [naive + change for naive, change in zip(one.naive, changes, strict=True)]
        forecast = {"origin": one.origin, "times": one.times, "values": values, NAIVE: one.naive}
        predictions.append({"key": one.key, **forecast} if one.key else forecast)
        if explanations is not None:
            grouped.append(explanations[place : place + count])
        place += count
    content: Document = {"predictions": predictions}
    if explanations is not None:
        content["explanations"] = grouped
    if scored.warnings:
        content["warnings"] = scored.warnings
    return orjson.dumps(content)
