"""Numbers wider than 64 bits: whole numbers stay texts, and decimals that a float rounds are reported.

A whole number fits if it is from -2^63 to 2^63 - 1. A float of 64 bits represents every decimal of 15 digits, and
distinguishes at most 17 (IEEE 754 binary64).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import polars as pl

from headrace.core.base.notes import Note

LEAST, MOST = -(2**63), 2**63 - 1
_DISTINCT_DIGITS = 17
_WHOLE = r"^[+-]?[0-9]{19,}$"


def fits(value: int) -> bool:
    """Check whether a whole number fits in 64 bits."""
    return LEAST <= value <= MOST


def is_wide(dtype: pl.DataType) -> bool:
    """Check whether columns of a type may hold numbers that do not fit in 64 bits."""
    return isinstance(dtype, pl.Decimal) or dtype in {pl.UInt64, pl.Int128, pl.UInt128}


def narrow_columns(table: pl.LazyFrame, *, schema: Mapping[str, pl.DataType]) -> tuple[pl.LazyFrame, list[Note]]:
    """Convert whole numbers to Int64, or to texts if one does not fit, and decimals to Float64.

    Args:
        table: Rows of any types.
        schema: Their types.

    Returns:
        The rows, and notes on them.
    """
    wide = {name: dtype for name, dtype in schema.items() if is_wide(dtype)}
    whole = [name for name, dtype in wide.items() if not isinstance(dtype, pl.Decimal) or not dtype.scale]
    decimals = [name for name in wide if name not in whole]
    if not wide:
        return table, []
    aggregates = [bound.alias(f"{key}:{name}") for name in whole for key, bound in _bounds(name).items()]
    aggregates += [count.alias(f"{key}:{name}") for name in decimals for key, count in _losses(pl.col(name)).items()]
    row = table.select(aggregates).collect(engine="streaming").row(0, named=True)
    long = [name for name in whole if not (fits(row[f"least:{name}"] or 0) and fits(row[f"most:{name}"] or 0))]
    casts = [pl.col(name).cast(pl.String if name in long else pl.Int64) for name in whole]
    casts += [pl.col(name).cast(pl.Float64) for name in decimals]
    notes = [long_note(name) for name in long]
    counts = [{key: int(row[f"{key}:{name}"]) for key in ("lost", "texts", "numbers")} for name in decimals]
    notes += [rounded_note(name, **count) for name, count in zip(decimals, counts, strict=True) if count["lost"]]
    return table.with_columns(casts), notes


def survey_wide_numbers(table: pl.LazyFrame, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count the texts that are whole numbers of 19 digits or more, or that lose digits as a float.

    Args:
        table: Table that holds the columns as texts.
        names: The columns.

    Returns:
        By column ``whole`` (whole numbers of that length), ``lost`` (numbers of more than 17 digits), ``texts``
        (different texts) and ``numbers`` (different floats).
    """
    names = list(names)
    if not names:
        return {}
    aggregates = []
    for name in names:
        text = pl.col(name)
        counts = {"whole": text.str.contains(_WHOLE).sum(), **_losses(text)}
        aggregates += [count.alias(f"{key}:{name}") for key, count in counts.items()]
    row = table.select(aggregates).collect(engine="streaming").row(0, named=True)
    return {
        name: {key: int(row[f"{key}:{name}"] or 0) for key in ("whole", "lost", "texts", "numbers")} for name in names
    }


def of_decimals(values: Iterable[object]) -> list[object]:
    """Return decimals as integers if all are whole by their own scale, as DECIMAL(38,0) is; else unchanged."""
    items = list(values)
    if all(isinstance(value, Decimal | None) and (value is None or _is_whole(value)) for value in items):
        return [None if value is None else int(value) for value in items]  # type: ignore[call-overload]
    return items


def long_note(name: str) -> Note:
    """Return the note that a column's whole numbers stay texts."""
    sentence = "Its whole numbers do not fit in 64 bits, so they are kept as texts, digit by digit."
    return Note("info", name, "long_numbers", 0, sentence, "If they are not ids, give them in a larger unit.")


def count_rounded(values: Iterable[object], *, whole: bool = False) -> int:
    """Return the number of decimals with more digits than a 64-bit float distinguishes.

    Args:
        values: Values (n,) of a column; only decimals count.
        whole: Whether decimals that are whole by their own scale count, because they become floats too.
    """
    decimals = [value.as_tuple() for value in values if isinstance(value, Decimal)]
    floats = [number for number in decimals if isinstance(number.exponent, int) and (whole or number.exponent < 0)]
    texts = ("".join(map(str, number.digits)).strip("0") for number in floats if len(number.digits) > _DISTINCT_DIGITS)
    return sum(len(text) > _DISTINCT_DIGITS for text in texts)


def rounded_note(name: str, *, lost: int, texts: int = 0, numbers: int = 0) -> Note:
    """Return the note that a column's decimals are rounded, and whether values became equal.

    Args:
        name: The column.
        lost: Number of rounded values.
        texts: Number of different values before; 0 if unknown.
        numbers: Number of different values after.
    """
    merged = numbers < texts
    sentence = f"{lost} of its values have more than 17 digits, which a float of 64 bits rounds"
    sentence += f": {texts} different values became {numbers}." if merged else "."
    remedy = "Subtract what they have in common, or give the column as text if it is an id."
    return Note("warning" if merged else "info", name, "rounded", lost, sentence, remedy)


def _is_whole(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= 0


def _bounds(name: str) -> dict[str, pl.Expr]:
    return {"least": pl.col(name).min(), "most": pl.col(name).max()}


def _losses(value: pl.Expr) -> dict[str, pl.Expr]:
    text = value.cast(pl.String)
    digits = text.str.replace(r"[eE].*$", "").str.replace_all(r"[^0-9]", "").str.strip_chars("0").str.len_bytes()
    return {
        "lost": (digits > _DISTINCT_DIGITS).sum(),
        "texts": value.drop_nulls().n_unique(),
        "numbers": text.cast(pl.Float64, strict=False).drop_nulls().n_unique(),
    }
