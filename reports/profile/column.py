"""Facts about one column: its values, its groups, its association with the target."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from headrace.core.contracts import contract as contracts
from headrace.reports.base.number_format import count, moment, number, shorten
from headrace.reports.base.table_facts import ColumnFacts, Kind, ValueGroup
from headrace.reports.profile.associations import Codes, Floats, correlation_ratio, group_means

BINS = 24
GROUPS = 8
LEVELS = 30
FEW = 12
BLOCKS = 40
THUMBNAILS = 24
THUMBNAIL_LETTERS = 400_000


@dataclass(frozen=True)
class CodedColumn:
    """A column as groups of rows.

    Attributes:
        codes: Group of each row; (n,).
        labels: Name of each group; the last two are "other" and "missing".
    """

    codes: Codes
    labels: tuple[str, ...]


def kind_of(series: pl.Series, column: contracts.Column) -> Kind:
    """Return how a column is shown; personal data and identifiers are always hidden."""
    if column.personal or column.role in {"id", "group"}:
        return "hidden"
    if series.null_count() == len(series):
        return "empty"
    if series.dtype.is_temporal():
        return "time"
    distinct = series.n_unique()
    if series.dtype.is_numeric():
        few = distinct <= FEW and (series.dtype.is_integer() or distinct <= 3)
        return "category" if column.categories or few else "number"
    return "text" if distinct > max(FEW, 0.5 * (len(series) - series.null_count())) else "category"


def describe(series: pl.Series, *, column: contracts.Column, missing: int, rows: int, target: Floats) -> ColumnFacts:
    """Describe a column.

    Args:
        series: Its sampled values, (n,), of the contract's type.
        column: Its declaration in the contract.
        missing: Rows of the whole table without a value.
        rows: Rows of the whole table.
        target: The target's parts in the same rows; (n, k), k = 0 without a target.

    Returns:
        The column; values of personal data and identifiers are not in it.
    """
    kind = kind_of(series, column)
    base = ColumnFacts(
        name=column.name,
        dtype=column.dtype,
        role=column.role,
        kind=kind,
        missing=missing,
        share_missing=missing / max(1, rows),
        distinct=series.drop_nulls().n_unique(),
        missing_blocks=_blocks(series) if missing else (),
        unit=column.unit,
    )
    if kind == "hidden":
        why = "personal data" if column.personal else "identifies rows" if column.role == "id" else "names groups"
        return replace(
            base,
            note=f"Values are not shown: the column holds {why}."
            if column.personal
            else f"Values are not shown: the column {why}.",
        )
    if kind == "empty":
        return replace(base, note="Every value is missing.")
    if column.dtype == "picture":
        return _pictures(base, series, column)
    if kind == "text":
        return _text(base, series)
    return _group_by_target(base, series, target)


def _pictures(base: ColumnFacts, series: pl.Series, column: contracts.Column) -> ColumnFacts:
    """Describe pictures by their size and by some of them, evenly from the whole table."""
    texts = series.drop_nulls()
    shown = texts.gather_every(max(1, len(texts) // THUMBNAILS)).head(THUMBNAILS).to_list()
    sizes = np.cumsum([len(text) for text in shown])
    size = f"{column.height} by {column.width}, " + ("grey" if column.channels == 1 else f"{column.channels} channels")
    changes = (("changed at random", ", ".join(column.augment)),) if column.augment else ()
    kept = tuple(text for text, end in zip(shown, sizes, strict=True) if end <= THUMBNAIL_LETTERS)
    return replace(base, facts=(("size", size), *changes), thumbnails=kept)


def _text(base: ColumnFacts, series: pl.Series) -> ColumnFacts:
    lengths = series.cast(pl.String).str.len_chars().drop_nulls().to_numpy()
    facts = (("shortest", f"{lengths.min()} letters"), ("longest", f"{count(int(lengths.max()))} letters"))
    return replace(base, facts=facts, note="Nearly every value is different: values are not shown.")


def _group_by_target(base: ColumnFacts, series: pl.Series, target: Floats) -> ColumnFacts:
    coded = by_level(series, limit=LEVELS) if base.kind == "category" else by_quantile(series)
    strength = -1.0
    if target.shape[1] and base.role not in {"target", "ignore"}:
        strength = correlation_ratio(coded.codes, target, groups=len(coded.labels))
    shown = by_level(series, limit=GROUPS) if base.kind == "category" else coded
    described = replace(base, strength=strength, groups=_groups(shown, target))
    return described if base.kind == "category" else _with_histogram(described, series)


def _groups(coded: CodedColumn, target: Floats) -> tuple[ValueGroup, ...]:
    size = len(coded.labels)
    rows = np.bincount(coded.codes, minlength=size)
    means = group_means(coded.codes, target, groups=size)[1] if target.shape[1] else np.empty((size, 0))
    return tuple(
        ValueGroup(label=label, rows=int(n), share=float(n / max(1, len(coded.codes))), target=tuple(map(float, mean)))
        for label, n, mean in zip(coded.labels, rows, means, strict=True)
        if n
    )


def by_level(series: pl.Series, *, limit: int) -> CodedColumn:
    """Group rows by value: the most frequent values, all others, and missing."""
    counts = series.drop_nulls().value_counts(sort=False)
    levels = counts.sort(["count", series.name], descending=[True, False])[series.name].head(limit)
    if counts.height <= limit and series.dtype.is_numeric():
        levels = levels.sort()
    codes = series.replace_strict(
        levels, pl.Series(range(len(levels)), dtype=pl.Int64), default=len(levels), return_dtype=pl.Int64
    ).to_numpy(writable=True)
    codes[series.is_null().to_numpy()] = len(levels) + 1
    labels = (*(_level(value) for value in levels.to_list()), "(other)", "(missing)")
    return CodedColumn(codes=codes, labels=labels)


def _level(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return number(value) if isinstance(value, float) else shorten(value)


def by_quantile(series: pl.Series) -> CodedColumn:
    """Group rows by value into at most eight bins of about equal size, and missing."""
    values = as_floats(series)
    finite = np.isfinite(values)
    present = values[finite]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, GROUPS + 1)))
    used, bins = np.unique(np.searchsorted(edges[1:-1], present, side="right"), return_inverse=True)
    ends = [(present[bins == place].min(), present[bins == place].max()) for place in range(len(used))]
    codes = np.full(len(values), len(used) + 1, dtype=np.int64)
    codes[finite] = bins
    return CodedColumn(codes=codes, labels=(*(_span(low, high, series) for low, high in ends), "(other)", "(missing)"))


def _span(low: float, high: float, series: pl.Series) -> str:
    first, last = _end(low, high - low, series), _end(high, high - low, series)
    return first if first == last else f"{first} to {last}"


def _end(value: float, span: float, series: pl.Series) -> str:
    return moment(value, span) if series.dtype.is_temporal() else number(value)


def as_floats(series: pl.Series) -> Floats:
    """Convert values to floats (n,): times to microseconds since 1970, missing values to NaN."""
    if series.dtype == pl.Date:
        series = series.cast(pl.Datetime("us"))
    physical = series.to_physical() if series.dtype.is_temporal() else series
    return physical.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _with_histogram(column: ColumnFacts, series: pl.Series) -> ColumnFacts:
    values = as_floats(series)
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    near, far = (float(q) for q in np.quantile(values, [0.005, 0.995]))
    clipped = far > near and high - low > 4 * (far - near)
    first, last = (near, far) if clipped else (low, high)
    rows, _ = np.histogram(np.clip(values, first, last), bins=_bins(series, first, last), range=(first, last))
    note = "The outer bars also hold the values beyond them." if clipped else ""
    middle = float(np.median(values))
    facts = [("least", low), ("median", middle), ("mean", float(values.mean())), ("largest", high)]
    if column.kind == "time":
        facts = [fact for fact in facts if fact[0] != "mean"]
    return replace(
        column,
        histogram=tuple(map(int, rows)),
        ends=(_end(first, last - first, series), _end(last, last - first, series)),
        facts=tuple((name, _end(value, high - low, series)) for name, value in facts),
        note=note,
    )


def _bins(series: pl.Series, low: float, high: float) -> int:
    """Return the number of bins of equal width; for integers, bins cover equally many integers, or bars alternate.

    There is a single bin where fewer floats lie between the ends than there would be bins.
    """
    if low < high and (np.diff(np.linspace(low, high, BINS + 1)) <= 0).any():
        return 1
    if not series.dtype.is_integer() or high - low >= 8 * BINS:
        return BINS
    values = high - low + 1
    return max(1, round(values / -(-values // BINS)))


def _blocks(series: pl.Series) -> tuple[float, ...]:
    absent = series.is_null().to_numpy()
    return tuple(float(part.mean()) for part in np.array_split(absent, min(BLOCKS, len(absent))) if len(part))
