"""Texts that mean a missing value, as pandas, spreadsheets, R, SAS and SQL write them, and the exceptions.

The reader turns the common marks into missing values, and rarer ones where the first rows of a file hold some. The
contract's ``missing_values`` do so with the rest: a text that cannot be cast, or is not one of the categories. So a
mark that a column lists among its categories is a value there, in training and in serving.
"""

import re
from collections.abc import Iterable, Sequence

COMMON = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "?")
"""Marks that a reader looks for in every row; each one costs time."""

RARE = (
    "#N/A", "n/a", "None", "<NA>", "#NA", "#N/A N/A", "N.A.", "n.a.", "Null", "NAN", "-NaN", "-nan", "NaT", "1.#IND",
    "-1.#IND", "1.#QNAN", "-1.#QNAN", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "\\N", "(null)",
    "(NULL)", "[NULL]", "<null>", "<NULL>",
)  # fmt: skip
"""Marks that a reader looks for where the first rows hold them."""

NUMBERS = ("-", "--", ".", "..", "—", "\N{EN DASH}")
"""Marks in columns of numbers and dates only; in a column of texts they may be values."""

DEFAULT = (*COMMON, *RARE, *NUMBERS)

# ISO 3166, with EU and UK, and the codes of continents.
_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET EU FI FJ FK FM
FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT
JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN
MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OC OM PA PE PF PG PH PK PL PM PN PR PS
PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK
TL TM TN TO TR TT TV TW TZ UA UG UK UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
_COUNTRIES = frozenset(_CODES.split())
_FEWEST_CODES = 3
_SHARE_OF_CODES = 0.9


def is_code_column(values: Iterable[str]) -> bool:
    """Check whether texts are codes of countries or continents, where NA is Namibia or North America.

    Args:
        values: The different texts of a column, with or without marks.
    """
    others = {value for value in values if value and value not in DEFAULT}
    matches = len(others & _COUNTRIES)
    return matches >= _FEWEST_CODES and matches >= _SHARE_OF_CODES * len(others)


def reader_marks(missing: Sequence[str], sampled: Iterable[str]) -> tuple[str, ...]:
    """Return the marks that a reader turns into missing values in all columns.

    Args:
        missing: All marks.
        sampled: Marks in the first rows.

    Returns:
        Marks that are common, occur in the first rows or are the user's own; marks of numbers only if the user chose
        some of them.
    """
    present, chosen = set(sampled), set(missing)
    rare = set(RARE) - present if chosen.issuperset(RARE) else set()
    numbers = set(NUMBERS) if chosen.issuperset(NUMBERS) else set()
    return tuple(mark for mark in missing if mark not in rare | numbers)


def as_numbers(missing: Sequence[str]) -> tuple[float, ...]:
    """Return the marks that are numbers, such as -999."""
    return tuple(float(mark) for mark in missing if re.fullmatch(r"[-+]?\d+(\.\d+)?", mark))
