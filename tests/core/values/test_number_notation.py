"""Numbers in every notation: read alike by the casts of a table and by the door of a server."""

from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column
from headrace.core.inference.column_decoders import build_decoder
from headrace.core.values.currencies import is_currency
from headrace.core.values.number_notation import NumberNotation, notation_of

# What is right is what a person of that country reads; pandas' read_csv(decimal=, thousands=) agrees where it can tell.
CASES = [
    ("1.234,56", "1.234,56", 1234.56),
    ("1.234,56", "12,34", 12.34),
    ("1.234,56", "-12,34", -12.34),
    ("1.234,56", "24.877", 24877),
    ("1.234,56", "1.234.567", 1234567),
    ("1.234,56", "12.5", 12.5),  # only a decimal dot explains it
    ("1.234,56", "1,234.5", 1234.5),
    ("1.234,56", "12.34.5", None),
    ("1.234,56", "1.250,-", 1250),
    ("1.234,56", ",5", 0.5),
    ("1234,56", "1,5E-03", 0.0015),
    ("1,234.56", "12,34,567.8", 1234567.8),  # lakhs
    ("1,234.56", "24,877", 24877),
    ("1,234.56", "12,5", 12.5),
    ("1 234,56", "1 234 567,8", 1234567.8),
    ("1 234,56", "1\u00a0234,8", 1234.8),
    ("1 234,56", "1\u202f234,8", 1234.8),
    ("1 234,56", "1\u2009234,8", 1234.8),
    ("1'234.56", "1\u2019234.50", 1234.5),
    ("1'234.56", "1'234'567.5", 1234567.5),
    ("$1,234.56", "$25,150.56", 25150.56),
    ("$1,234.56", "-$5", -5),
    ("$1,234.56", "$-5", -5),
    ("$1,234.56", "($1,000.50)", -1000.5),
    ("$1,234.56", "$(1,000.50)", -1000.5),
    ("$1,234.56", "7", 7),
    ("$1,234.56", "€7", None),
    ("US$ 1,234.56", "US$ 3.50", 3.5),
    ("R$ 1.234,56", "R$ 5,10", 5.1),
    ("EUR 1.234,56", "eur 5,10", 5.1),
    ("1.234,56 €", "5,10€", 5.1),
    ("1.234,56 kr.", "5,10 kr.", 5.1),
    ("1234.56%", "12.83 %", 12.83),
    ("1234.56 kg", "5.2kg", 5.2),
    ("1234 m²", "100 m²", 100),
    ("1234 m2", "100 m2", 100),
    ("1.234,56 m3", "0,5 m3", 0.5),
    ("1234 Stk.", "5 stk.", 5),
    ("1234.56 km/h", "12.5 km/h", 12.5),
    ("1234 months", "1 month", 1),
    ("1234.56", "\u22125.5", -5.5),
    ("1234.56", "5-", -5),
    ("1234.56-", "5.5-", -5.5),
    ("(1234.56)", "(849.44)", -849.44),
    ("1234.56", "+5", 5),
    ("1234.56", "1e3", 1000),
    ("1234.56", "--5", None),
    ("1234.56", "(5", None),
    ("1234.56", "(-5)", None),
    ("1234.56", "12:30", None),
    ("1234.56", "2024-01-05", None),
    ("1234.56", "192.168.1.1", None),
    ("1234.56", "five", None),
]


def cast(text: str, form: str, dtype: Any = "number") -> float | None:
    """The number that the cast of a table reads; None where it fails."""
    column = Column("a", dtype, "ignore", format=form)
    return cast_columns(pl.DataFrame({"a": [text]}), [column], missing_values=[""]).frame.item()


@pytest.mark.parametrize(("form", "text", "wanted"), CASES)
def test_a_number_is_read_as_a_person_reads_it(form: str, text: str, wanted: float | None) -> None:
    """The cast of a table and the door of a server read one number, or both none."""
    assert cast(text, form) == wanted
    at_the_door = build_decoder(Column("a", "number", format=form)).decode_value(text)
    left_to_the_cast = at_the_door is None and ("e" in text.lower() or text.startswith(","))
    assert at_the_door == wanted or left_to_the_cast


@pytest.mark.parametrize("form", [*dict.fromkeys(form for form, _, _ in CASES), "1.234", "1,234", "1'234 CHF"])
def test_a_format_is_the_example_that_it_was_made_of(form: str) -> None:
    """A contract's format survives being read and written."""
    assert notation_of(form).example(whole="56" not in form) == form


@pytest.mark.parametrize(
    "form", ["%Y", "1234,5", "12.345", "1.234.56", "abc 1234", "$1234€", "(-1234)", "", "1,234,56"]
)
def test_a_format_that_is_no_example_is_refused(form: str) -> None:
    """The sentence says what a format looks like."""
    with pytest.raises(InputError, match=r"the number 1234\.56 or 1234 as the column writes it"):
        notation_of(form)


@pytest.mark.parametrize(
    ("form", "text", "wanted"),
    [
        ("1.234", "1.234", 1234),
        ("1.234", "-7", -7),
        ("1.234", "7,5", None),
        ("1,234", "9007199254740993", 2**53 + 1),
        ("1,234", "9,007,199,254,740,993", 2**53 + 1),
        ("1,234", "5.00", 5),
        ("1 234 kg", "1 234 kg", 1234),
    ],
)
def test_whole_numbers_stay_whole(form: str, text: str, wanted: int | None) -> None:
    """An integer keeps all its digits; one with decimals is a failure."""
    assert cast(text, form, "integer") == wanted


def test_currencies_are_known() -> None:
    """Signs, signs with letters and codes are currencies; other words are not."""
    assert all(map(is_currency, ["$", "US$", "R$", "€", "₹", "EUR", "chf", "kr", "zł", "kr."]))
    assert not any(map(is_currency, ["", "kg", "ID", "INV", "X$", "no"]))


NOTATIONS = st.builds(
    lambda marks, symbol, negative: NumberNotation(*marks, *symbol, negative),
    st.sampled_from([(".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (".", "'")]),
    st.sampled_from([("", ""), ("$", ""), ("CHF ", ""), ("", " €"), ("", "%"), ("", " km/h"), ("", "m²")]),
    st.sampled_from(["-", "after", "()"]),
)


def written(number: float, notation: NumberNotation, *, decimals: int) -> str:
    """A number in a notation, by Python's own formatting."""
    digits = f"{abs(number):,.{decimals}f}".translate({ord(","): notation.thousands, ord("."): notation.decimal})
    text = f"{notation.before}{digits}{notation.after}"
    if number >= 0:
        return text
    return {"-": f"-{text}", "after": f"{text}-", "()": f"({text})"}[notation.negative]


@given(NOTATIONS, st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8), st.integers(0, 4))
def test_what_a_notation_writes_it_reads(notation: NumberNotation, units: list[int], decimals: int) -> None:
    """Any number in any notation comes back to the last digit, from a table and from a request."""
    numbers = [unit / 10**decimals for unit in units]
    texts = [written(number, notation, decimals=decimals) for number in numbers]
    column = Column("a", "number", "ignore", format=notation.example(whole=False))
    found = cast_columns(pl.DataFrame({"a": texts}), [column], missing_values=[""])
    assert found.failed == {}
    assert found.frame["a"].to_list() == numbers
    assert [notation.float(text) for text in texts] == numbers


@given(NOTATIONS, st.text(alphabet="0123456789.,'- ()$%€kgE+", max_size=9))
@example(NumberNotation(), "1.")
@example(NumberNotation(), "1E5")
def test_the_table_and_the_door_never_disagree(notation: NumberNotation, text: str) -> None:
    """A text is the same number in Polars and in Python, or none in both."""
    column = Column("a", "number", "ignore", format=notation.example(whole=False))
    found = cast_columns(pl.DataFrame({"a": [text]}), [column], missing_values=[]).frame.item()
    assert found == notation.float(text)
