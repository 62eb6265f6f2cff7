"""PostgreSQL's times as psycopg reads them, without a server."""

import psycopg
import pytest
from psycopg.adapt import AdaptersMap

from headrace.core.tables.source import BEYOND
from headrace.stores.sources.postgresql_times import allow_any_time


class Connected:
    """A connection as far as its readers are concerned."""

    adapters: AdaptersMap

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)


@pytest.fixture
def adapters() -> AdaptersMap:
    """Readers of a connection that takes any time."""
    connection = Connected()
    allow_any_time(connection)
    return connection.adapters


@pytest.mark.parametrize("text", [b"infinity", b"-infinity", b"10000-01-01", b"0044-03-15 BC"])
def test_a_time_that_no_calendar_has_is_beyond(adapters: AdaptersMap, text: bytes) -> None:
    """Psycopg 3.3 raises ``DataError`` for it (``date too large (after year 10K)``), which names no column."""
    oid = adapters.types["date"].oid
    reader = adapters.get_loader(oid, 0)
    assert reader is not None
    assert reader(oid).load(text) is BEYOND
    assert str(reader(oid).load(b"2024-02-29")) == "2024-02-29"


def test_what_cannot_be_parsed_stays_an_error(adapters: AdaptersMap) -> None:
    """It is another error than that, though of the same class, and must not become a missing value."""
    oid = adapters.types["date"].oid
    reader = adapters.get_loader(oid, 0)
    assert reader is not None
    with pytest.raises(psycopg.DataError, match="can't parse date"):
        reader(oid).load(b"2024-13-45")
