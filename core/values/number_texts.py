"""Columns of texts in a notation, as texts that Polars casts to numbers."""

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


def canonical(value: pl.Expr, notation: NumberNotation) -> pl.Expr:
    """The texts of a column as Polars reads numbers; missing where a text is none in this notation.

    Args:
        value: Column of texts.
        notation: How they are written.
    """
    usual = value.str.contains(_usual_pattern(notation))
    return pl.coalesce(
        _strip_marks(pl.when(usual).then(value), notation), _unusual(pl.when(~usual).then(value), notation)
    )


def _strip_marks(value: pl.Expr, notation: NumberNotation) -> pl.Expr:
    """The numbers of texts that match the usual pattern: all that is no digit, sign or decimal mark is taken away."""
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
    """The numbers of all texts that the notation fits; slow."""
    parts = value.str.extract_groups(pattern(notation))

    def there(name: str) -> pl.Expr:
        return parts.struct.field(name).is_not_null()

    opened, closed = there("o1") | there("o2"), there("c1") | there("c2")
    signs = pl.sum_horizontal(there(name).cast(pl.Int8) for name in ("s1", "s2", "s3"))
    wrong = (opened != closed) | (there("o1") & there("o2")) | (there("c1") & there("c2"))
    wrong |= (signs + opened.cast(pl.Int8)) > 1
    minus = [parts.struct.field(name).is_in(list(MINUS)).fill_null(value=False) for name in ("s1", "s2", "s3")]
    digits = [
        parts.struct.field(name).str.replace_all(rf"[^0-9{mark}]", "").str.replace(mark, ".", literal=True)
        for name, mark in (("a", notation.decimal), ("b", OTHER[notation.decimal]))
    ]
    sign = pl.when(pl.any_horizontal(opened, *minus)).then(pl.lit("-")).otherwise(pl.lit(""))
    exponent = parts.struct.field("e").fill_null("")
    return pl.when(~wrong).then(pl.concat_str(sign, pl.coalesce(digits), exponent))


@functools.lru_cache(maxsize=512)
def _usual_pattern(notation: NumberNotation) -> str:
    """The pattern of most numbers of a column: simple, for it is tried on all of them."""
    before, after = (
        f"(?:{literal(text.strip(BLANKS))})?" if text else "" for text in (notation.before, notation.after)
    )
    blanks = [f"[{BLANKS}]?" if set(BLANKS) & set(text) else "" for text in (notation.before, notation.after)]
    groups = f"(?:{CLASSES[notation.thousands]}[0-9]{{3}})*" if notation.thousands else ""
    whole = f"(?:[0-9]{{1,3}}{groups}|[0-9]+)" if groups else "[0-9]+"
    return f"^-?{before}{blanks[0]}{whole}(?:{CLASSES[notation.decimal]}[0-9]+)?{blanks[1]}{after}$"
