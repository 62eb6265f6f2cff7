"""How the numbers of a column are written: decimal mark, groups of thousands, currency, percent, unit, minus.

One pattern reads a text in Polars, a column at once (``headrace.core.values.number_texts``), and in Python, a value
at once.
A contract gives a notation by an example, the number 1234.56 (or 1234) as the column writes it: ``1.234,56 €``.
"""

import functools
import re
from dataclasses import dataclass
from typing import Literal

from headrace.core.base.errors import InputError, quote
from headrace.core.values.currencies import is_currency

Decimal = Literal[".", ","]
Thousands = Literal["", ".", ",", " ", "'"]

BLANKS = " \t\u00a0\u2007\u2009\u202f"
APOSTROPHES = "'\u2019"
MINUS = "-\u2212\u2012\u2013\u2014"
OTHER: dict[str, Decimal] = {".": ",", ",": "."}
CLASSES = {" ": f"[{BLANKS}]", "'": f"[{APOSTROPHES}]", ".": r"\.", ",": ","}
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_EXAMPLE = re.compile(
    rf"(?P<open>\()?(?P<sign>[{MINUS}]?)(?P<before>[^0-9()]*?)1(?P<thousands>[{BLANKS}{APOSTROPHES}.,]?)234"
    rf"(?:(?P<decimal>[.,])56)?(?P<after>[^0-9()]*?[23]?)(?P<trailing>[{MINUS}]?)(?P<close>\))?"
)


@dataclass(frozen=True)
class NumberNotation:
    """How the numbers of a column are written.

    Every minus is accepted (before, after, U+2212, parentheses); groups and the symbol are optional. A text that does
    not fit is read with the other decimal mark where that is the only reading: ``12.5`` among ``12,5``.

    Attributes:
        decimal: The decimal mark.
        thousands: The mark between groups of three digits, as the column writes it; empty without groups.
        before: Currency before the number, such as ``$``.
        after: Currency, percent sign or unit after it, such as ``€``, ``%`` or ``kg``.
        negative: Sign of a negative number: ``-`` before it, ``after``, or in ``()``.
    """

    decimal: Decimal = "."
    thousands: Thousands = ""
    before: str = ""
    after: str = ""
    negative: Literal["-", "after", "()"] = "-"

    @property
    def symbol(self) -> str:
        """Currency, percent sign or unit, without blanks."""
        return (self.before or self.after).strip(BLANKS)

    def example(self, *, whole: bool) -> str:
        """Return 1234.56 in this notation (or 1234 if ``whole``), negative if the minus is unusual."""
        digits = f"1{self.thousands}234" + ("" if whole else f"{self.decimal}56")
        text = f"{self.before}{digits}{self.after}"
        return {"-": text, "after": f"{text}-", "()": f"({text})"}[self.negative]

    def float(self, text: str) -> float | None:
        """Return the number that a text means; None if it is not a number in this notation."""
        plain = self.plain(text)
        return None if plain is None else float(plain)

    def plain(self, text: str) -> str | None:
        """Return the number that a text means, as Python writes it; None if it is not one in this notation."""
        match = _compile(self).fullmatch(text)
        if not match:
            return None
        opened, closed = match["o1"] or match["o2"], match["c1"] or match["c2"]
        if any(match[one] and match[two] for one, two in (("o1", "o2"), ("c1", "c2"))) or bool(opened) != bool(closed):
            return None
        minus = [match[name] for name in ("s1", "s2", "s3") if match[name]]
        if len(minus) + bool(opened) > 1:
            return None
        digits_text, mark = (match["a"], self.decimal) if match["a"] is not None else (match["b"], OTHER[self.decimal])
        digits = re.sub(rf"[^0-9{mark}]", "", digits_text).replace(mark, ".")
        sign = "-" if opened or any(mark in MINUS for mark in minus) else ""
        return f"{sign}{digits}{match['e'] or ''}"


def notation_of(text: str) -> NumberNotation:
    """Return the notation that a contract gives by an example.

    Args:
        text: The number 1234.56 or 1234 as the column writes it, such as ``1.234,56 €``, ``$1,234.56``, ``1 234``,
            ``(1,234.56)`` or ``1234.56-``.

    Raises:
        InputError: If it is not such an example.
    """
    match = _EXAMPLE.fullmatch(text.strip())
    if not match or bool(match["open"]) != bool(match["close"]) or match["thousands"] == match["decimal"]:
        raise InputError(_expectation(text))
    thousands = _require_known(match["thousands"])
    decimal = match["decimal"] or OTHER.get(thousands, ".")
    trailing = bool(match["trailing"])
    before, after = match["before"], match["after"]
    if (before and after) or (match["open"] and (match["sign"] or trailing)) or not _is_symbol(before, after):
        raise InputError(_expectation(text))
    negative: Literal["-", "after", "()"] = "()" if match["open"] else "after" if trailing else "-"
    return NumberNotation(decimal, thousands, before, after, negative)  # type: ignore[arg-type]


def _expectation(text: str) -> str:
    return (
        "format must be the number 1234.56 or 1234 as the column writes it, such as '1.234,56', '$1,234.56' or "
        f"'1 234 kg'; got {quote(text)} instead."
    )


def _is_symbol(before: str, after: str) -> bool:
    if before:
        return is_currency(before.strip(BLANKS))
    unit = after.strip(BLANKS)
    return not unit or (unit[0] not in ".,23" and "," not in unit)


def _require_known(mark: str) -> Thousands:
    if mark and mark in BLANKS:
        return " "
    return "'" if mark and mark in APOSTROPHES else mark  # type: ignore[return-value]


@functools.lru_cache(maxsize=512)
def _compile(notation: NumberNotation) -> re.Pattern[str]:
    return re.compile(pattern(notation)[1:-1])


@functools.lru_cache(maxsize=512)
def pattern(notation: NumberNotation) -> str:
    """Return the pattern of a number, valid for Python's and for Rust's regular expressions.

    Group ``a`` holds digits in the notation, ``b`` digits that only fit the other decimal mark, ``e`` the exponent,
    ``s`` the signs, ``o`` and ``c`` the parentheses.
    """
    blank, symbol = f"[{BLANKS}]*", _symbol_pattern(notation.symbol)
    own, other = _digits(notation.decimal), _sure(OTHER[notation.decimal])
    sign = f"[{MINUS}+]"
    return (
        rf"^{blank}(?P<o1>\()?{blank}(?P<s1>{sign})?{blank}{symbol}{blank}(?P<o2>\()?{blank}(?P<s2>{sign})?{blank}"
        rf"(?:(?P<a>{own})|(?P<b>{other}))(?P<e>[eE][+-]?[0-9]+)?(?:[.,][{MINUS}]*)?{blank}(?P<c1>\))?{blank}"
        rf"{symbol}{blank}(?P<s3>{sign})?{blank}(?P<c2>\))?{blank}$"
    )


def literal(text: str) -> str:
    """Return a pattern of exactly that text; ``re.escape`` also escapes blanks and letters, which Rust rejects."""
    return _PUNCTUATION.sub(r"\\\1", text)


def _symbol_pattern(symbol: str) -> str:
    """Return the pattern of an optional symbol, in any case, in the singular or the plural."""
    if not symbol:
        return ""
    plural = len(symbol) > 2 and symbol.isalpha() and symbol.endswith("s")
    escaped = literal(symbol[:-1] if plural else symbol)
    return f"(?i:{escaped}{'s?' if plural else ''})?"


def _groups(decimal: str) -> str:
    """Return the pattern of digits in groups of one kind (also of two digits with commas, as in India)."""
    other = OTHER[decimal]
    kinds = [f"[0-9]{{1,3}}(?:{CLASSES[mark]}[0-9]{{3}})+" for mark in (other, " ", "'")]
    if other == ",":
        kinds.append("[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
    return "|".join(kinds)


def _digits(decimal: str) -> str:
    mark = CLASSES[decimal]
    return f"(?:{_groups(decimal)}|[0-9]+)(?:{mark}[0-9]+)?|{mark}[0-9]+"


def _sure(decimal: str) -> str:
    """Return the pattern of digits that only fit this decimal mark."""
    mark = CLASSES[decimal]
    odd = f"{mark}(?:[0-9]{{1,2}}|[0-9]{{4,}})"
    return f"[0-9]*{odd}|(?:0|[0-9]{{4,}}){mark}[0-9]{{3}}|(?:{_groups(decimal)}){mark}[0-9]+"
