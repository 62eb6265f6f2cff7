"""Texts of others in a terminal: nothing that it obeys, nothing too wide, and what is cut says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.views.safe_text import CUT, MOST_DECODED, describe_bytes, escape, fit, measure, pad


@given(st.text())
def test_what_is_escaped_is_printable(text: str) -> None:
    """Whatever the text; one that is printable stays as it is."""
    assert escape(text).isprintable()
    assert escape(escape(text)) == escape(text)
    if text.isprintable():
        assert escape(text) == text


@given(st.text(max_size=60), st.integers(1, 40))
def test_what_is_fitted_has_its_width(text: str, width: int) -> None:
    """It ends with a mark if, and only if, something is missing."""
    shown = fit(text, width)
    assert shown.isprintable()
    assert measure(shown) <= width
    assert shown == escape(text) or shown.endswith(CUT)
    assert measure(pad(shown, 50)) == 50


def test_a_long_text_is_not_looked_through() -> None:
    """Only its beginning is."""
    assert fit("a" * 10_000_000, 10) == "a" * 9 + CUT
    assert fit("a" * 4_001, 5_000).endswith(CUT)


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("🙂", 2), ("", 0)]
)  # wide, combining, an emoji
def test_widths_are_those_of_a_terminal(text: str, columns: int) -> None:
    """Wide characters take two columns, combining ones none."""
    assert measure(text) == columns


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", ""),
        ("né".encode(), "né"),
        (b"a\tb", "a\tb"),
        (b"\x1b[2J", "4 bytes: 1b5b324a"),
        (b"\xff\xfe", "2 bytes: fffe"),
        (b"\0\0\0\0\x2aabc", "8 bytes of schema 42: 000000002a616263"),
        (bytes(range(256)), "256 bytes of schema 16909060: " + bytes(range(32)).hex() + CUT),
        (b"x" * (MOST_DECODED + 1), "1,048,577 bytes: " + "x" * 120 + CUT),
    ],
)
def test_bytes_are_shown_as_what_they_are(value: bytes, text: str) -> None:
    """Text as text, the rest by its length and its first bytes."""
    assert describe_bytes(value) == text
