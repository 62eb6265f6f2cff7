"""What a column would hold under a given dtype, tried on all rows, in one pass for all columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headrace.core.base.notes import Note
from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column, Dtype
from headrace.core.values.timestamps import ISO_FORMATS

TOLERATED = 0.01
_LEADING_ZERO = r"^[+-]?0\d"


@dataclass(frozen=True)
class ColumnProfile:
    """The profile of a column.

    Attributes:
        name: Its name.
        dtype: Data type of its values.
        rows: Rows of the table.
        missing: Rows without a value.
        distinct: Number of different values: exact up to 1,000, an estimate above.
        format: Format of its timestamps or numbers; empty for ISO 8601, plain numbers, or no text.
        failed: Values that are not of the dtype, at most one in a hundred.
        infinite: Values that are infinite.
        least: Least finite value of numbers and timestamps.
        most: Largest finite value.
        values: The different values as text, sorted, if there are at most 1,000; else None.
        has_time_of_day: Whether its timestamps differ in the time of day.
        head: A few raw texts from the beginning of the table.
        nested: Whether its values are lists, records or bytes, which no model takes.
        nearly_dtype: The dtype of most of its texts, where too many others keep it from being the column's.
        unit: Currency, percent sign or unit written with its numbers.
        notes: Notes on how its values were interpreted.
    """

    name: str
    dtype: Dtype
    rows: int
    missing: int = 0
    distinct: int = 0
    format: str = ""
    failed: int = 0
    infinite: int = 0
    least: Any = None
    most: Any = None
    values: tuple[str, ...] | None = None
    has_time_of_day: bool = False
    head: tuple[str, ...] = field(default=(), repr=False)
    nested: bool = False
    nearly_dtype: str = ""
    unit: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def unique(self) -> bool:
        """Whether each value may occur once, as far as the estimated number of values shows."""
        return self.present > 0 and self.distinct >= 0.85 * self.present


def trial_column(name: str, dtype: Dtype, form: str = "") -> Column:
    """Return a column of a dtype and format to try."""
    return Column(name=name, dtype=dtype, role="ignore", format=form)


def try_candidates(
    table: pl.LazyFrame, schema: pl.Schema, trials: Sequence[Column]
) -> Iterator[tuple[Column, dict[str, Any]]]:
    """Try one candidate of each column on all rows."""
    aggregates = [pl.len().alias("rows")]
    keys: list[list[str]] = []
    for position, trial in enumerate(trials):
        expressions = _aggregates(trial, schema[trial.name], pl.col(f"cast:{position}"))
        aggregates += [expression.alias(f"{position}:{key}") for key, expression in expressions.items()]
        keys.append(list(expressions))
    casted = table.with_columns(
        casting.cast(pl.col(trial.name), schema[trial.name], trial).alias(f"cast:{position}")
        for position, trial in enumerate(trials)
    )
    row = casted.select(aggregates).collect(engine="streaming").row(0, named=True)
    for position, (trial, own_keys) in enumerate(zip(trials, keys, strict=True)):
        yield trial, {"rows": row["rows"], **{key: row[f"{position}:{key}"] for key in own_keys}}


def _aggregates(trial: Column, raw: pl.DataType, cast: pl.Expr) -> dict[str, pl.Expr]:
    value = pl.col(trial.name)
    present = value.is_not_null() & value.is_not_nan() if raw.is_float() else value.is_not_null()
    aggregates = {"present": present.sum()}
    if (raw == pl.String and trial.dtype != "string") or (raw.is_integer() and trial.dtype == "timestamp"):
        aggregates["failed"] = (present & cast.is_null()).sum()
    if raw == pl.String and trial.dtype in {"integer", "number"}:
        aggregates["zeros"] = value.str.contains(_LEADING_ZERO).sum()
    if trial.dtype == "number":
        aggregates["infinite"] = cast.is_infinite().sum()
        cast = pl.when(cast.is_finite()).then(cast)
    if trial.dtype in {"integer", "number", "timestamp"}:
        aggregates |= {"least": cast.min(), "most": cast.max()}
    if trial.dtype == "timestamp":
        aggregates |= {"early": cast.dt.time().min(), "late": cast.dt.time().max()}
    if not raw.is_nested() and raw not in {pl.Binary, pl.Object}:
        aggregates["distinct"] = cast.approx_n_unique()
    return aggregates


def build_profile(trial: Column, counts: dict[str, Any], head: pl.Series, almost: str = "") -> ColumnProfile:
    """Return the profile that a trial yields."""
    text = head.dtype == pl.String
    rows, present = int(counts["rows"]), int(counts["present"])
    return ColumnProfile(
        name=trial.name,
        dtype=trial.dtype,
        rows=rows,
        missing=rows - present,
        # approx_n_unique counts null as a value.
        distinct=int(counts.get("distinct", 0)) - (present < rows),
        format=trial.format if trial.format not in ISO_FORMATS and trial.dtype != "string" else "",
        failed=int(counts.get("failed", 0)),
        infinite=int(counts.get("infinite") or 0),
        least=counts.get("least"),
        most=counts.get("most"),
        has_time_of_day=counts.get("early") != counts.get("late"),
        head=tuple(drop_missing(head.head(200)).head(50)) if text else (),
        nested="distinct" not in counts,
        nearly_dtype=almost if trial.dtype == "string" else "",
    )


def drop_missing(head: pl.Series) -> pl.Series:
    """Return the values (n,) without missing ones."""
    return head.drop_nulls() if head.null_count() else head


def profile_trials(
    table: pl.LazyFrame, head: pl.DataFrame, trials: Sequence[Column]
) -> list[tuple[Column, ColumnProfile]]:
    """Return the profile of each column under the dtype and format to try, over all rows.

    Args:
        table: Raw table.
        head: Its first rows.
        trials: The columns to try, each at most once.
    """
    if not trials:
        return []
    return [
        (trial, build_profile(trial, counts, head.get_column(trial.name)))
        for trial, counts in try_candidates(table, head.schema, trials)
    ]
