"""The notation in which the numbers of a table's columns are written, by the evidence of all their values."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from headrace.core.values.currencies import is_currency
from headrace.core.values.number_notation import APOSTROPHES, BLANKS, MINUS, Decimal, NumberNotation, Thousands, pattern

# Largest share of values that may lack the sign of the others, where that may change their meaning.
_BARE = 0.01
_SIGN = f"[{MINUS}+]?"
_DASHES = MINUS.replace("-", r"\-")
_BLANK = f"[{BLANKS}]*"
_LOOSE = re.compile(
    rf"{_BLANK}\(?{_BLANK}{_SIGN}{_BLANK}(?P<before>[^\W\d_]{{0,4}}[^\w\s().,{_DASHES}+]?\.?)(?P<gap>{_BLANK})\(?{_SIGN}{_BLANK}"
    rf"[0-9.,](?:[0-9.,{APOSTROPHES}{BLANKS}]*[0-9.,])?(?:[eE][-+]?[0-9]+)?[{MINUS}]*\)?"
    rf"(?P<blank>{_BLANK})(?P<after>(?:[^\W\d_]|[^\w\s(){APOSTROPHES}{_DASHES}+,])*[23]?){_BLANK}{_SIGN}\)?{_BLANK}"
)
_BODY = rf"([.,]?[0-9](?:[0-9.,{BLANKS}{APOSTROPHES}]*[0-9])?)"
_LONGEST_UNIT = 12
_SOME, _SAMPLE = 300, 2_000
# Shapes of the digits and marks of one number; a value counts under each shape that it matches.
_SHAPES = {
    "comma": r"^[0-9]*,(?:[0-9]{1,2}|[0-9]{4,})$|^(?:0|[0-9]{4,}),[0-9]{3}$|^[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+$"
    rf"|[{BLANKS}{APOSTROPHES}][0-9]{{3}},[0-9]+$|^[0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}}$",
    "dot": r"^[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})$|^(?:0|[0-9]{4,})\.[0-9]{3}$|^[0-9]{1,3}(?:,[0-9]{2,3})+\.[0-9]+$"
    rf"|[{BLANKS}{APOSTROPHES}][0-9]{{3}}\.[0-9]+$|^[0-9]{{1,3}}(?:,[0-9]{{2,3}}){{2,}}$",
    "either_comma": r"^[1-9][0-9]{0,2},[0-9]{3}$",
    "either_dot": r"^[1-9][0-9]{0,2}\.[0-9]{3}$",
    "round": r"^[1-9][0-9]{0,2}[.,][0-9]{2}0$",
    "short": r"^[0-9]{1,3}$",
    "long": r"^[0-9]{4,}$",
    "zeros": r"^0[0-9]",
    "commas": ",",
    "dots": r"\.",
    "blanks": f"[{BLANKS}]",
    "apostrophes": f"[{APOSTROPHES}]",
}


@dataclass(frozen=True)
class NotationEvidence:
    """How the numbers of one column seem to be written.

    Attributes:
        name: The column.
        before: Currency before the number, with the blank between them.
        after: Currency, percent sign or unit after it, with the blank between them.
        negative: How negative numbers are written.
        counts: How many numbers have each shape; ``numbers`` counts all of them, ``plain`` those that need no notation,
            ``symbols`` those with the currency, percent sign or unit.
    """

    name: str
    before: str = ""
    after: str = ""
    negative: str = "-"
    counts: Mapping[str, int] | None = None

    def __getitem__(self, shape: str) -> int:
        """Return how many numbers have a shape."""
        return int((self.counts or {}).get(shape, 0))

    @property
    def notation(self) -> NumberNotation:
        """The notation apart from its marks."""
        return NumberNotation(before=self.before, after=self.after, negative=self.negative)  # type: ignore[arg-type]

    @property
    def decimal(self) -> Decimal | None:
        """The decimal mark that the column itself proves; None without proof."""
        if self["comma"] == self["dot"]:
            return None
        return "," if self["comma"] > self["dot"] else "."

    @property
    def ambiguous(self) -> int:
        """Numbers that both decimal marks explain, such as 24.877."""
        return self["either_comma"] + self["either_dot"]


def detect_symbols(name: str, texts: Sequence[str]) -> NotationEvidence | None:
    """Return how the first texts of a column are written, if most of them may be numbers.

    Args:
        name: The column.
        texts: Some of its values.

    Returns:
        Currency, percent sign or unit, and the negative form; None if half of the texts are numbers in no notation.
    """
    matches = [match for text in texts if (match := _LOOSE.fullmatch(text)) and _is_number(match)]
    if not matches or 2 * len(matches) < len(texts):
        return None
    symbols = Counter(_symbol(part) for part in matches)
    symbol = next((symbol for symbol, _ in symbols.most_common() if any(symbol)), ("", ""))
    if 2 * sum(count for (one, two), count in symbols.items() if (one, two) == symbol) < len(matches):
        symbol = ("", "")
    stripped = [text.strip(BLANKS) for text in texts]
    negative = "-"
    if any(text.startswith("(") for text in stripped) or any(text.endswith(")") for text in stripped):
        negative = "()"
    elif any(text[-1:] in MINUS and text[-1:] and text[:1] not in MINUS for text in stripped):
        negative = "after"
    return NotationEvidence(name, *symbol, negative)


def _is_number(match: re.Match[str]) -> bool:
    before, after = match["before"], match["after"]
    return (not before or is_currency(before)) and len(after) <= _LONGEST_UNIT and not (before and after)


def _symbol(match: re.Match[str]) -> tuple[str, str]:
    gap, blank = (" " if match[name] else "" for name in ("gap", "blank"))
    before, after = match["before"], match["after"]
    return (before + gap if before else "", blank + after if after else "")


def find_non_numbers(table: pl.LazyFrame, columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the texts that are not of the dtype of most texts in their column, at most 300 of each.

    Args:
        table: Table that holds the columns as texts.
        columns: ``integer`` or ``number`` by column.
    """
    plain = {"integer": pl.Int64, "number": pl.Float64}
    strange = [
        pl.col(name).filter(pl.col(name).cast(plain[dtype], strict=False).is_null()).drop_nulls().head(_SOME).implode()
        for name, dtype in columns.items()
    ]
    if not strange:
        return {}
    return {column.name: column[0].to_list() for column in table.select(strange).collect(engine="streaming")}


def numbers_of(texts: Iterable[str]) -> list[str]:
    """Return the texts that may be numbers in a notation of their own."""
    return [text for text in texts if (match := _LOOSE.fullmatch(text)) and _is_number(match)]


def gather_evidence(table: pl.LazyFrame, names: Sequence[str]) -> list[NotationEvidence]:
    """Return the evidence of plain numbers: of some rows where these prove a mark, else of all rows.

    Args:
        table: Table that holds the columns as texts.
        names: The columns.
    """
    sampled = count_shapes(table.head(_SAMPLE), [NotationEvidence(name) for name in names])
    proven = [column for column in sampled if column.decimal]
    undecided = [NotationEvidence(column.name) for column in sampled if not column.decimal]
    return [*proven, *count_shapes(table, undecided)]


def count_shapes(table: pl.LazyFrame, columns: Iterable[NotationEvidence]) -> list[NotationEvidence]:
    """Count the shapes of all numbers of some columns, in one pass.

    Args:
        table: Table that holds the columns as texts.
        columns: What their first values look like.
    """
    columns = list(columns)
    if not columns:
        return []
    aggregates: list[pl.Expr] = []
    for position, column in enumerate(columns):
        value = pl.col(column.name)
        number = pl.any_horizontal(
            value.str.contains(pattern(replace(column.notation, decimal=mark))) for mark in (".", ",")
        )
        body = pl.when(number).then(value.str.extract(_BODY))
        counts = {shape: body.str.contains(form).sum() for shape, form in _SHAPES.items()}
        counts["numbers"] = number.sum()
        counts["plain"] = (number & value.cast(pl.Float64, strict=False).is_not_null()).sum()
        symbol = column.notation.symbol
        counts["symbols"] = (number & value.str.contains(symbol, literal=True)).sum() if symbol else pl.lit(0)
        aggregates += [count.alias(f"{position}:{shape}") for shape, count in counts.items()]
    row = table.select(aggregates).collect(engine="streaming").row(0, named=True)
    return [
        replace(
            column, counts={key.partition(":")[2]: n or 0 for key, n in row.items() if key.startswith(f"{position}:")}
        )
        for position, column in enumerate(columns)
    ]


def is_bare(column: NotationEvidence) -> bool:
    """Check whether too many numbers lack the percent sign of the others: 0.5 beside 50 % may be the same or not."""
    percent = column.notation.symbol in {"%", "‰"}
    return percent and column["numbers"] - column["symbols"] > _BARE * column["numbers"]


def groups_are_sure(column: NotationEvidence) -> bool:
    """Check whether the column shows that its ambiguous numbers are in groups of thousands.

    Numbers below a thousand have no mark, all above it have one, and some end in 0: a decimal would be 1.25, not 1.250.
    """
    return bool(column["short"] and not column["long"] and column["round"] and column.ambiguous)


def thousands_of(column: NotationEvidence, decimal: Decimal) -> Thousands:
    """Return the group mark that the column uses most often with a decimal mark; empty if it uses none."""
    counts: dict[Thousands, int] = {
        " ": column["blanks"],
        "'": column["apostrophes"],
        ",": column["commas"] - column["comma"] if decimal == "." else 0,
        ".": column["dots"] - column["dot"] if decimal == "," else 0,
    }
    mark = max(counts, key=lambda mark: counts[mark])
    return mark if counts[mark] > 0 else ""
