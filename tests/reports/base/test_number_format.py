"""Numbers as people read them."""

import math

import pytest

from headrace.reports.base import number_format


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345, "12,345"),
        (1234.5, "1,234"),
        (0.045678, "0.0457"),
        (-2.5, "-2.50"),
        (303.49, "303"),
        (3.0, "3"),
        (1.5e12, "1.50e12"),
        (1.5e-7, "1.50e-7"),
        (None, number_format.MISSING),
        (math.nan, number_format.MISSING),
        (math.inf, number_format.MISSING),
    ],
)
def test_number(value: float | None, text: str) -> None:
    """Three significant digits, separators, and a dash for none."""
    assert number_format.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.0001, "<0.1 %"), (0.99999, ">99.9 %"), (0.4567, "45.7 %")],
)
def test_percent(value: float | None, text: str) -> None:
    """What is not quite none or all is not rounded to it."""
    assert number_format.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.001, "<0.01 s"), (0.5, "0.50 s"), (12.34, "12.3 s"), (125.4, "2 min 5 s")]
)
def test_seconds(value: float | None, text: str) -> None:
    """Durations have a unit that fits."""
    assert number_format.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(12, "12 bytes"), (1234, "1.2 kB"), (123_456_789, "123 MB"), (5e12, "5,000.0 GB")]
)
def test_size(value: float, text: str) -> None:
    """Sizes have a unit that fits."""
    assert number_format.size(value) == text


def test_metric() -> None:
    """Metrics keep three decimals, large errors three digits."""
    assert [number_format.metric(value) for value in (0.9, 1, 1234.5)] == ["0.900", "1.000", "1,234"]


def test_shortened() -> None:
    """A text is one line and bounded, and an empty one is said to be empty."""
    assert number_format.shorten("a\n b\tc") == "a b c"
    assert number_format.shorten("x" * 100, 10) == "x" * 9 + "…"
    assert number_format.shorten(" \n") == "(empty)"


def test_moment() -> None:
    """A long span shows days, a short one minutes."""
    assert number_format.moment(0.0, 10 * 86_400e6) == "1970-01-01"
    assert number_format.moment(60e6, 86_400e6) == "1970-01-01 00:01"
