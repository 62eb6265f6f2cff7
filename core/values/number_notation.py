"""How numbers are written in a column: decimal mark, groups of thousands, currency, percent, unit, minus.

One pattern reads a text in Polars, a column at once (``headrace.core.values.number_texts``), and in Python, a value
at once.
A contract tells a notation by an example, the number 1234.56 (or 1234) as the column writes it: ``1.234,56 €``.
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

    Any minus is understood (before, after, U+2212, parentheses), groups may be absent, and so may the symbol. A text
    that the notation does not fit is read by the other decimal mark where that is the only reading: ``12.5`` beside
    ``12,5``.

    Attributes:
        decimal: The decimal mark.
        thousands: The mark between groups of three digits, as the column writes it; empty if it writes none.
        before: Currency before the number, such as ``$``.
        after: Currency, percent sign or unit after it, such as ``€``, ``%`` or ``kg``.
        negative: How a negative number is written: ``-`` before it, ``after``, or in ``()``.
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
        """The number 1234.56 in this notation (or 1234 if ``whole``), negative where the minus is not the usual one."""
        digits = f"1{self.thousands}234" + ("" if whole else f"{self.decimal}56")
        text = f"{self.before}{digits}{self.after}"
        return {"-": text, "after": f"{text}-", "()": f"({text})"}[self.negative]

    def float(self, text: str) -> float | None:
        """The number that a text tells; None if it is none in this notation."""
        plain = self.plain(text)
        return None if plain is None else float(plain)

    def plain(self, text: str) -> str | None:
        """The number that a text tells, as Python writes it; None if it is none in this notation."""
        found = _compile(self).fullmatch(text)
        if not found:
            return None
        opened, closed = found["o1"] or found["o2"], found["c1"] or found["c2"]
        if any(found[one] and found[two] for one, two in (("o1", "o2"), ("c1", "c2"))) or bool(opened) != bool(closed):
            return None
        minus = [found[name] for name in ("s1", "s2", "s3") if found[name]]
        if len(minus) + bool(opened) > 1:
            return None
        own, mark = (found["a"], self.decimal) if found["a"] is not None else (found["b"], OTHER[self.decimal])
        digits = re.sub(rf"[^0-9{mark}]", "", own).replace(mark, ".")
        sign = "-" if opened or any(mark in MINUS for mark in minus) else ""
        return f"{sign}{digits}{found['e'] or ''}"


def notation_of(text: str) -> NumberNotation:
    """The notation that a contract tells by an example.

    Args:
        text: The number 1234.56 or 1234 as the column writes it, such as ``1.234,56 €``, ``$1,234.56``, ``1 234``,
            ``(1,234.56)`` or ``1234.56-``.

    Raises:
        InputError: If it is no such example.
    """
    found = _EXAMPLE.fullmatch(text.strip())
    if not found or bool(found["open"]) != bool(found["close"]) or found["thousands"] == found["decimal"]:
        raise InputError(_expectation(text))
    thousands = _require_known(found["thousands"])
    decimal = found["decimal"] or OTHER.get(thousands, ".")
    trailing = bool(found["trailing"])
    before, after = found["before"], found["after"]
    if (before and after) or (found["open"] and (found["sign"] or trailing)) or not _is_symbol(before, after):
        raise InputError(_expectation(text))
    negative: Literal["-", "after", "()"] = "()" if found["open"] else "after" if trailing else "-"
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
    """The pattern of a number, for Python's regular expressions and for those of Rust alike.

    ``a`` are the digits in the notation, ``b`` those that only the other decimal mark explains, ``e`` the exponent;
    ``s`` are signs, ``o`` and ``c`` parentheses.
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
    """A pattern of that text alone; ``re.escape`` escapes blanks and letters too, which Rust does not know."""
    return _PUNCTUATION.sub(r"\\\1", text)


def _symbol_pattern(symbol: str) -> str:
    """A symbol that may be there, in capitals or small letters, in the singular or the plural."""
    if not symbol:
        return ""
    plural = len(symbol) > 2 and symbol.isalpha() and symbol.endswith("s")
    escaped = literal(symbol[:-1] if plural else symbol)
    return f"(?i:{escaped}{'s?' if plural else ''})?"


def _groups(decimal: str) -> str:
    """Whole digits in groups of one kind (of two digits too where a comma stands between them, as in India)."""
    other = OTHER[decimal]
    kinds = [f"[0-9]{{1,3}}(?:{CLASSES[mark]}[0-9]{{3}})+" for mark in (other, " ", "'")]
    if other == ",":
        kinds.append("[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
    return "|".join(kinds)


def _digits(decimal: str) -> str:
    mark = CLASSES[decimal]
    return f"(?:{_groups(decimal)}|[0-9]+)(?:{mark}[0-9]+)?|{mark}[0-9]+"


def _sure(decimal: str) -> str:
    """Digits that cannot be read by the other mark, so that this one is the decimal mark beyond doubt."""
    mark = CLASSES[decimal]
    odd = f"{mark}(?:[0-9]{{1,2}}|[0-9]{{4,}})"
    return f"[0-9]*{odd}|(?:0|[0-9]{{4,}}){mark}[0-9]{{3}}|(?:{_groups(decimal)}){mark}[0-9]+"
