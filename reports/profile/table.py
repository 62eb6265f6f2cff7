"""The profile of a table: its columns and their associations with the target.

Missing values are counted over the whole table. Everything else is computed from a sample: every n-th row, so that a
table in order of time is covered evenly, at most 50,000 rows and 3 million cells.
"""

import numpy as np
import polars as pl

from headrace.core.contracts.casting import cast
from headrace.core.contracts.contract import Column as Declared
from headrace.core.contracts.contract import Contract
from headrace.reports.base.number_format import shorten
from headrace.reports.base.table_facts import AssociationMatrix, ColumnFacts, TableFacts
from headrace.reports.profile.associations import Floats, cramers_v, rank_correlations
from headrace.reports.profile.column import FEW, LEVELS, as_floats, by_level, describe

ROWS = 50_000
CELLS = 3_000_000
NEAR = 300
SHOWN = 30
MATRIX = 20
CLASSES = 6


def explore(frame: pl.LazyFrame, *, contract: Contract) -> TableFacts:
    """Profile a table.

    Args:
        frame: The table; texts are read as the contract's types, what cannot be read is missing.
        contract: The table's contract; columns that it does not declare are left out.

    Returns:
        The profile, bounded in size whatever the table's: 300 columns are described, and the 30 with the strongest
        association with the target are shown with pictures.
    """
    declared = _declared_columns(frame.collect_schema(), contract)
    rows, counted = _count(frame, declared)
    near, far = declared[:NEAR], declared[NEAR:]
    sample = _sample(frame, near, rows=rows, columns=len(declared))
    column = contract.label_column
    target = column.name if column and column.name in sample.columns else ""
    parts, values = _target(sample, contract) if target else ((), np.empty((sample.height, 0)))
    columns = [describe(sample[c.name], column=c, missing=counted[c.name], rows=rows, target=values) for c in near]
    ranked = sorted(columns, key=lambda c: (c.role != "target", -c.strength))
    shown = ranked[:SHOWN]
    others = [(c.name, c.dtype, c.role, counted[c.name]) for c in ranked[SHOWN:]]
    others += [(c.name, c.dtype, c.role, counted[c.name]) for c in far]
    return TableFacts(
        rows=rows,
        sampled=sample.height,
        columns=tuple(shown),
        others=tuple(others),
        numbers=_numbers(sample, shown),
        categories=_categories(sample, shown),
        target=target,
        task=contract.task,
        parts=parts,
        overall=tuple(map(float, np.nanmean(values, axis=0))) if np.isfinite(values).any() else (),
    )


def _declared_columns(schema: pl.Schema, contract: Contract) -> list[Declared]:
    """Return the table's columns as the contract declares them, the target first, row features last."""
    declared = [column for column in contract.columns if column.name in schema]
    features = [Declared(name=f.name, dtype="number") for f in contract.features if f.name in schema]
    return sorted([*declared, *features], key=lambda column: column.role != "target")


def _cast_column(column: Declared, dtype: pl.DataType) -> pl.Expr:
    """Cast a column to its type; unreadable values become missing, nested values a placeholder."""
    value = pl.col(column.name)
    if dtype.is_nested() or dtype in {pl.Binary, pl.Object}:
        return pl.when(value.is_not_null()).then(pl.lit("…"))
    return cast(value, dtype, column)


def _count(frame: pl.LazyFrame, columns: list[Declared]) -> tuple[int, dict[str, int]]:
    """Return the number of rows, and the missing values by column."""
    schema = frame.collect_schema()
    nulls = [_cast_column(c, schema[c.name]).null_count().alias(f"c{i}") for i, c in enumerate(columns)]
    row = frame.select(pl.len().alias("rows"), *nulls).collect(engine="streaming").row(0)
    return int(row[0]), {c.name: int(n) for c, n in zip(columns, row[1:], strict=True)}


def _sample(frame: pl.LazyFrame, near: list[Declared], *, rows: int, columns: int) -> pl.DataFrame:
    limit = max(1000, min(ROWS, CELLS // max(1, columns)))
    schema = frame.collect_schema()
    typed = [_cast_column(c, schema[c.name]).alias(c.name) for c in near]
    return (
        frame.select([c.name for c in near])
        .gather_every(max(1, -(-rows // limit)))
        .select(typed)
        .collect(engine="streaming")
    )


def _target(sample: pl.DataFrame, contract: Contract) -> tuple[tuple[str, ...], Floats]:
    """Return the names of the target's parts and their values by row, (n, k), NaN where the target is missing."""
    series = sample[contract.target.name]
    if contract.task == "regression":
        return ("mean",), as_floats(series)[:, None] if series.dtype.is_numeric() else np.empty((len(series), 0))
    texts = series.cast(pl.String)
    frequent = by_level(texts, limit=CLASSES).labels[:-2]
    # Labels of anomalies may be missing in all rows.
    of_two = contract.task == "binary" or (contract.task == "anomaly" and len(frequent) > 0)
    classes = [contract.positive or frequent[-1]] if of_two else list(frequent)
    parts = [(texts == name).cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in classes]
    values = np.stack(parts, axis=1) if parts else np.empty((len(series), 0))  # no row has a target
    return tuple(shorten(name) for name in classes), values


def _numbers(sample: pl.DataFrame, columns: list[ColumnFacts]) -> AssociationMatrix:
    numeric = [c.name for c in columns if c.kind != "hidden" and sample[c.name].dtype.is_numeric()]
    names = [name for name in numeric if sample[name].null_count() < sample.height][:MATRIX]
    if len(names) < 2:
        return AssociationMatrix()
    values = np.stack([as_floats(sample[name]) for name in names], axis=1)
    return _matrix(names, rank_correlations(values))


def _categories(sample: pl.DataFrame, columns: list[ColumnFacts]) -> AssociationMatrix:
    names = [
        c.name
        for c in columns
        if c.kind == "category" and 2 <= c.distinct <= LEVELS and not sample[c.name].dtype.is_float()
    ]
    names = [name for name in names if not sample[name].dtype.is_numeric() or sample[name].n_unique() <= FEW]
    if len(names) < 2 or not sample.height:
        return AssociationMatrix()
    names = names[:MATRIX]
    codes = [by_level(sample[name], limit=LEVELS).codes for name in names]
    values = np.eye(len(names))
    for i in range(len(names)):
        for j in range(i):
            values[i, j] = values[j, i] = cramers_v(codes[i], codes[j])
    return _matrix(names, values)


def _matrix(names: list[str], values: Floats) -> AssociationMatrix:
    return AssociationMatrix(names=tuple(names), values=tuple(tuple(map(float, row)) for row in values))
