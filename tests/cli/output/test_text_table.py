"""Tables of text, and what is said of the rows that they leave out."""

import pytest

from headrace.cli.output.text_table import latest, left_out


@pytest.mark.parametrize(
    ("shown", "total", "skip", "says"),
    [
        (3, 3, 0, ""),
        (0, 0, 0, ""),
        (200, 100_000, 0, "  200 of 100,000 tables; --skip 200 shows the next ones, --limit 0 shows all.\n"),
        (200, 500, 200, "  200 of 500 tables; --skip 400 shows the next ones, --limit 0 shows all.\n"),
        (100, 500, 400, "  100 of 500 tables; --limit 0 shows all.\n"),
        (0, 500, 900, "  0 of 500 tables; --limit 0 shows all.\n"),
    ],
)
def test_what_is_left_out_is_said(shown: int, total: int, skip: int, says: str) -> None:
    """With the way to see it; nothing is said where all is shown."""
    assert left_out(shown, total, skip=skip, what="tables") == says


@pytest.mark.parametrize(
    ("limit", "skip", "found"), [(0, 0, "abcde"), (2, 0, "de"), (2, 3, "ab"), (2, 4, "a"), (9, 9, "")]
)
def test_the_latest_rows_are_the_last_ones(limit: int, skip: int, found: str) -> None:
    """Before those that are passed over; pages together are all."""
    assert latest("abcde", limit, skip) == found
