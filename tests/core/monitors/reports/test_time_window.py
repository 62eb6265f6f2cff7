"""Moments as documents hold them and as people type them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.monitors.reports.time_window import parse_moment, parse_typed_moment, rfc3339


@given(st.dates(min_value=date(1970, 1, 2)))
def test_a_typed_date_is_its_midnight_in_utc(day: date) -> None:
    """The same moment as with the hour and the zone written out."""
    assert parse_typed_moment(day.isoformat()) == parse_moment(f"{day.isoformat()}T00:00:00Z")


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone is given apart
def test_a_moment_is_read_back(moment: datetime) -> None:
    """A document's text is a moment for a person too."""
    assert parse_moment(rfc3339(moment)) == parse_typed_moment(rfc3339(moment)) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T06:00", "2026-02-30", "", "2026-03"])
def test_what_is_no_moment_is_refused_with_both_forms(text: str) -> None:
    """A time of day without a zone could mean any of 24 moments."""
    with pytest.raises(InputError, match=r"such as 2026-03-01T00:00:00Z, or a date such as 2026-03-01 \(midnight"):
        parse_typed_moment(text)


def test_a_document_holds_whole_moments_only() -> None:
    """A date alone in a stored document is a damaged document."""
    with pytest.raises(InputError, match="a moment must be such as"):
        parse_moment("2026-03-01")
    assert parse_moment("2026-03-01T01:00:00+01:00") + timedelta(hours=1) == parse_typed_moment("2026-03-01T01:00:00Z")
