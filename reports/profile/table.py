"""Looks at a table: what stands in its columns and what they have to do with the target.

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
    """Look at a table.

    Args:
        frame: The table; texts are read as the contract's types, what cannot be read is missing.
        contract: What is known of the columns; those that it does not know are left out.

    Returns:
        What there is to show, bounded in size whatever the table's: 300 columns are looked at closely, and the 30 with
        the strongest bearing on the target are kept with their pictures.
    """
    declared = _declared_columns(frame.collect_schema(), contract)
    rows, counted = _count(frame, declared)
    near, far = declared[:NEAR], declared[NEAR:]
    sample = _sample(frame, near, rows=rows, columns=len(declared))
    target = contract.target.name if contract.target.name in sample.columns else ""
    parts, values = _target(sample, contract) if target else ((), np.empty((sample.height, 0)))
    columns = [describe(sample[c.name], column=c, missing=counted[c.name], rows=rows, target=values) for c in near]
    ranked = sorted(columns, key=lambda c: (c.role != "target", -c.strength))
    kept = ranked[:SHOWN]
    others = [(c.name, c.dtype, c.role, counted[c.name]) for c in ranked[SHOWN:]]
    others += [(c.name, c.dtype, c.role, counted[c.name]) for c in far]
    return TableFacts(
        rows=rows,
        sampled=sample.height,
        columns=tuple(kept),
        others=tuple(others),
        numbers=_numbers(sample, kept),
        categories=_categories(sample, kept),
        target=target,
        task=contract.task,
        parts=parts,
        overall=tuple(map(float, np.nanmean(values, axis=0))) if np.isfinite(values).any() else (),
    )


def _declared_columns(schema: pl.Schema, contract: Contract) -> list[Declared]:
    """The table's columns as the contract has them, the target first, row features last."""
    known = [column for column in contract.columns if column.name in schema]
    made = [Declared(name=f.name, dtype="number") for f in contract.features if f.name in schema]
    return sorted([*known, *made], key=lambda column: column.role != "target")


def _cast_column(column: Declared, dtype: pl.DataType) -> pl.Expr:
    """The column as its type; what cannot be read is missing; of nested values only that they are there."""
    value = pl.col(column.name)
    if dtype.is_nested() or dtype in {pl.Binary, pl.Object}:
        return pl.when(value.is_not_null()).then(pl.lit("…"))
    return cast(value, dtype, column)


def _count(frame: pl.LazyFrame, columns: list[Declared]) -> tuple[int, dict[str, int]]:
    """The number of rows, and missing values by column."""
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
    """Names of the target's parts and their values by row; (n, k), NaN where the target is missing."""
    series = sample[contract.target.name]
    if contract.task == "regression":
        return ("mean",), as_floats(series)[:, None] if series.dtype.is_numeric() else np.empty((len(series), 0))
    texts = series.cast(pl.String)
    frequent = by_level(texts, limit=CLASSES).labels[:-2]
    classes = [contract.positive or frequent[-1]] if contract.task == "binary" else list(frequent)
    parts = [(texts == name).cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in classes]
    return tuple(shorten(name) for name in classes), np.stack(parts, axis=1)


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
