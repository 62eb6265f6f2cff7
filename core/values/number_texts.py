"""Converts columns of texts in a notation to texts that Polars casts to numbers."""

import functools

import polars as pl

from headrace.core.values.number_notation import (
    APOSTROPHES,
    BLANKS,
    CLASSES,
    MINUS,
    OTHER,
    NumberNotation,
    literal,
    pattern,
)


def to_plain_numbers(value: pl.Expr, notation: NumberNotation) -> pl.Expr:
    """Return the texts of a column as Polars reads numbers; missing where a text is not in this notation.

    Args:
        value: Column of texts.
        notation: Their notation.
    """
    is_usual = value.str.contains(_usual_pattern(notation))
    return pl.coalesce(
        _strip_marks(pl.when(is_usual).then(value), notation), _unusual(pl.when(~is_usual).then(value), notation)
    )


def _strip_marks(value: pl.Expr, notation: NumberNotation) -> pl.Expr:
    """Return the numbers of texts that match the usual pattern, without all but digits, sign and decimal mark."""
    marks = [mark for mark in (notation.symbol, notation.thousands) if mark]
    if any(mark in " '" for mark in notation.thousands) or any(
        set(BLANKS) & set(s) for s in (notation.before, notation.after)
    ):
        value = value.str.replace_all(f"[{BLANKS}{APOSTROPHES}]", "")
    for mark in marks:
        if mark not in {" ", "'"}:
            value = value.str.replace_all(mark, "", literal=True)
    return value if notation.decimal == "." else value.str.replace(",", ".", literal=True)


def _unusual(value: pl.Expr, notation: NumberNotation) -> pl.Expr:
    """Return the numbers of all texts that the notation fits; slow."""
    parts = value.str.extract_groups(pattern(notation))

    def is_present(name: str) -> pl.Expr:
        return parts.struct.field(name).is_not_null()

    opened, closed = is_present("o1") | is_present("o2"), is_present("c1") | is_present("c2")
    signs = pl.sum_horizontal(is_present(name).cast(pl.Int8) for name in ("s1", "s2", "s3"))
    invalid = (opened != closed) | (is_present("o1") & is_present("o2")) | (is_present("c1") & is_present("c2"))
    invalid |= (signs + opened.cast(pl.Int8)) > 1
    minus = [parts.struct.field(name).is_in(list(MINUS)).fill_null(value=False) for name in ("s1", "s2", "s3")]
    digits = [
        parts.struct.field(name).str.replace_all(rf"[^0-9{mark}]", "").str.replace(mark, ".", literal=True)
        for name, mark in (("a", notation.decimal), ("b", OTHER[notation.decimal]))
    ]
    sign = pl.when(pl.any_horizontal(opened, *minus)).then(pl.lit("-")).otherwise(pl.lit(""))
    exponent = parts.struct.field("e").fill_null("")
    return pl.when(~invalid).then(pl.concat_str(sign, pl.coalesce(digits), exponent))


@functools.lru_cache(maxsize=512)
def _usual_pattern(notation: NumberNotation) -> str:
    """Return the pattern of most numbers of a column; simple, because it is tried on all of them."""
    before, after = (
        f"(?:{literal(text.strip(BLANKS))})?" if text else "" for text in (notation.before, notation.after)
    )
    blanks = [f"[{BLANKS}]?" if set(BLANKS) & set(text) else "" for text in (notation.before, notation.after)]
    groups = f"(?:{CLASSES[notation.thousands]}[0-9]{{3}})*" if notation.thousands else ""
    whole = f"(?:[0-9]{{1,3}}{groups}|[0-9]+)" if groups else "[0-9]+"
    return f"^-?{before}{blanks[0]}{whole}(?:{CLASSES[notation.decimal]}[0-9]+)?{blanks[1]}{after}$"
