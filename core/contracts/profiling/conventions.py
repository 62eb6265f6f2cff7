"""How a table's numbers and dates are written: by the user's options, or by the usage of a country."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from headrace.core.base.errors import InputError
from headrace.core.contracts.fault_sentences import must_be
from headrace.core.values.number_notation import OTHER, Decimal

_THOUSANDS = ("", ".", ",", " ", "'")
# Where the decimal mark is a dot (Unicode CLDR 46, the main language of each country); elsewhere it is a comma.
_DOT = frozenset({
    "AE", "AU", "BD", "BH", "BN", "BW", "CA", "CH", "CN", "DO", "EG", "ET", "GB", "GH", "GT", "HK", "HN", "IE",
    "IL", "IN", "IQ", "JM", "JO", "JP", "KE", "KR", "KW", "LB", "LI", "LK", "LY", "MM", "MO", "MT", "MX", "MY",
    "NG", "NI", "NP", "NZ", "OM", "PA", "PE", "PH", "PK", "PR", "QA", "SA", "SD", "SG", "SV", "SY", "TH", "TW",
    "TZ", "UG", "US", "YE", "ZM", "ZW"
})  # fmt: skip
# Where the month is written before the day (Unicode CLDR 46).
_MONTH_FIRST = frozenset({"US", "FM", "MH", "PW", "PH", "PR", "GU", "AS", "VI", "UM"})


@dataclass(frozen=True)
class WritingConventions:
    """What is known in advance about the notation of a table.

    Attributes:
        decimal: The decimal mark, ``.`` or ``,``; empty to infer it.
        thousands: The mark between groups of three digits: ``.``, ``,``, ``'`` or a blank; empty to infer it.
        country: ISO 3166 code of the country whose notation decides where a column is ambiguous; empty for none.
    """

    decimal: Literal["", ".", ","] = ""
    thousands: Literal["", ".", ",", " ", "'"] = ""
    country: str = ""

    def __post_init__(self) -> None:
        """Raise if a mark is not one of a known notation.

        Raises:
            InputError: If a mark is unknown, or both are the same.
        """
        check_marks(self.decimal, self.thousands)

    @property
    def decimal_mark(self) -> Decimal | None:
        """The decimal mark that the user's options imply; None if they leave it open."""
        return self.decimal or OTHER.get(self.thousands)

    @property
    def country_mark(self) -> Decimal | None:
        """The decimal mark of the country; None without a country."""
        if not self.country:
            return None
        return "." if self.country[:2].upper() in _DOT else ","

    @property
    def month_first(self) -> bool | None:
        """Whether the country writes the month before the day; None without a country."""
        return self.country[:2].upper() in _MONTH_FIRST if self.country else None


def check_marks(decimal: str, thousands: str, *, spell: Callable[[str], str] = "--{}".format) -> None:
    """Raise if a mark is not one of a known notation; see ``WritingConventions``.

    Args:
        decimal: The decimal mark, or empty.
        thousands: The mark between groups of three digits, or empty.
        spell: Returns the name of an option in messages, from ``decimal`` or ``thousands``.

    Raises:
        InputError: If a mark is unknown, or both are the same.
    """
    if decimal not in {"", ".", ","}:
        raise InputError(must_be(spell("decimal"), "a dot or a comma", decimal))
    if thousands not in _THOUSANDS:
        raise InputError(must_be(spell("thousands"), "a dot, a comma, a blank or an apostrophe", thousands))
    if decimal and decimal == thousands:
        raise InputError(must_be(spell("thousands"), f"another mark than {spell('decimal')}", thousands))
