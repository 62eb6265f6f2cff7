"""What a column would be if it were of a dtype: tried on all rows, in one pass for all columns."""

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
    """What is known of a column.

    Attributes:
        name: Its name.
        dtype: What it holds.
        rows: Rows of the table.
        missing: Rows without a value.
        distinct: Number of different values: exact up to 1,000, about right above.
        format: How its timestamps or numbers are written; empty for ISO 8601, plain numbers, or no text.
        failed: Values that are not of the dtype, at most one in a hundred.
        infinite: Values that are infinite.
        least: Least finite value of numbers and timestamps.
        most: Largest finite value.
        values: The different values as text, sorted, if there are at most 1,000; else None.
        clock: Whether its timestamps differ in the time of day.
        head: A few raw texts from the beginning of the table.
        nested: Whether its values are lists, records or bytes, which no model takes.
        almost: A dtype that most, but too few, of its texts have.
        unit: Currency, percent sign or unit that its numbers are written with.
        notes: What a person should know of how it was read.
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
    clock: bool = False
    head: tuple[str, ...] = field(default=(), repr=False)
    nested: bool = False
    almost: str = ""
    unit: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def unique(self) -> bool:
        """Whether each value may be there once, as far as an estimate of their number can tell."""
        return self.present > 0 and self.distinct >= 0.85 * self.present


def as_if(name: str, dtype: Dtype, form: str = "") -> Column:
    """A column as it would be, to be tried."""
    return Column(name=name, dtype=dtype, role="ignore", format=form)


def try_candidates(
    table: pl.LazyFrame, schema: pl.Schema, trials: Sequence[Column]
) -> Iterator[tuple[Column, dict[str, Any]]]:
    """Try one candidate of each column on all rows."""
    wanted = [pl.len().alias("rows")]
    keys: list[list[str]] = []
    for place, trial in enumerate(trials):
        made = _aggregates(trial, schema[trial.name], pl.col(f"cast:{place}"))
        wanted += [expression.alias(f"{place}:{key}") for key, expression in made.items()]
        keys.append(list(made))
    tried = table.with_columns(
        casting.cast(pl.col(trial.name), schema[trial.name], trial).alias(f"cast:{place}")
        for place, trial in enumerate(trials)
    )
    row = tried.select(wanted).collect(engine="streaming").row(0, named=True)
    for place, (trial, made_keys) in enumerate(zip(trials, keys, strict=True)):
        yield trial, {"rows": row["rows"], **{key: row[f"{place}:{key}"] for key in made_keys}}


def _aggregates(trial: Column, raw: pl.DataType, cast: pl.Expr) -> dict[str, pl.Expr]:
    value = pl.col(trial.name)
    there = value.is_not_null() & value.is_not_nan() if raw.is_float() else value.is_not_null()
    made = {"present": there.sum()}
    if (raw == pl.String and trial.dtype != "string") or (raw.is_integer() and trial.dtype == "timestamp"):
        made["failed"] = (there & cast.is_null()).sum()
    if raw == pl.String and trial.dtype in {"integer", "number"}:
        made["zeros"] = value.str.contains(_LEADING_ZERO).sum()
    if trial.dtype == "number":
        made["infinite"] = cast.is_infinite().sum()
        cast = pl.when(cast.is_finite()).then(cast)
    if trial.dtype in {"integer", "number", "timestamp"}:
        made |= {"least": cast.min(), "most": cast.max()}
    if trial.dtype == "timestamp":
        made |= {"early": cast.dt.time().min(), "late": cast.dt.time().max()}
    if not raw.is_nested() and raw not in {pl.Binary, pl.Object}:
        made["distinct"] = cast.approx_n_unique()
    return made


def facts_of(trial: Column, counts: dict[str, Any], head: pl.Series, almost: str = "") -> ColumnProfile:
    """What a trial found out."""
    text = head.dtype == pl.String
    rows, present = int(counts["rows"]), int(counts["present"])
    return ColumnProfile(
        name=trial.name,
        dtype=trial.dtype,
        rows=rows,
        missing=rows - present,
        distinct=int(counts.get("distinct", 0)) - (present < rows),
        format=trial.format if trial.format not in ISO_FORMATS and trial.dtype != "string" else "",
        failed=int(counts.get("failed", 0)),
        infinite=int(counts.get("infinite") or 0),
        least=counts.get("least"),
        most=counts.get("most"),
        clock=counts.get("early") != counts.get("late"),
        head=tuple(drop_missing(head.head(200)).head(50)) if text else (),
        nested="distinct" not in counts,
        almost=almost if trial.dtype == "string" else "",
    )


def drop_missing(head: pl.Series) -> pl.Series:
    """The values that are there."""
    return head.drop_nulls() if head.null_count() else head


def as_tried(table: pl.LazyFrame, head: pl.DataFrame, trials: Sequence[Column]) -> list[tuple[Column, ColumnProfile]]:
    """What some columns are if they are of the dtypes and formats to be tried, by all rows.

    Args:
        table: Raw table.
        head: Its first rows.
        trials: The columns; none twice.
    """
    if not trials:
        return []
    return [
        (trial, facts_of(trial, counts, head.get_column(trial.name)))
        for trial, counts in try_candidates(table, head.schema, trials)
    ]
