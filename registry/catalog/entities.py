"""The catalogue's entities: tables with their columns, versions, quality figures and uses, and queries for them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from headrace.core.base.errors import InputError, quote

_FORMATS = ("csv", "tsv", "parquet", "json", "jsonl", "ndjson")


@dataclass(frozen=True)
class CatalogColumn:
    """A column of a table.

    Attributes:
        name: Its name.
        dtype: Its dtype in the contract, or as read.
        role: Its role in the contract; empty if there is no contract yet.
        unit: Unit of its values.
        personal: How its personal data are treated; empty if it has none.
        description: Description by people.
    """

    name: str
    dtype: str
    role: str = ""
    unit: str = ""
    personal: str = ""
    description: str = ""


@dataclass(frozen=True)
class TableVersion:
    """A table's content at one time.

    Attributes:
        id: Its id in the catalogue.
        digest: SHA-256 of its bytes, or of its rows for a query.
        rows: Number of rows.
        bytes: Number of bytes read.
        first_seen: Time of the first read, in UTC.
        last_seen: Time of the last read, in UTC.
    """

    id: int
    digest: str
    rows: int
    bytes: int
    first_seen: str
    last_seen: str


@dataclass(frozen=True)
class CatalogTable:
    """A table of the catalogue.

    Attributes:
        id: Its id in the catalogue.
        name: Its short name.
        source: Its address.
        owner: Person or team responsible for it.
        licence: Licence under which it is used.
        description: Description by people.
        retention_days: Days after which its rows must be deleted; None for no limit.
        first_seen: Time of the first read, in UTC.
        last_seen: Time of the last read, in UTC.
        tags: Its tags, sorted.
        versions: Its versions, the latest last.
        columns: Columns of the latest version.
    """

    id: int
    name: str
    source: str
    owner: str
    licence: str
    description: str
    retention_days: int | None
    first_seen: str
    last_seen: str
    tags: tuple[str, ...] = ()
    versions: tuple[TableVersion, ...] = ()
    columns: tuple[CatalogColumn, ...] = ()

    @property
    def kind(self) -> str:
        """Kind of the source: ``csv``, ``parquet``, ``json``, ``sql``, or ``file``."""
        return source_kind(self.source)

    @property
    def personal(self) -> tuple[str, ...]:
        """Names of the columns with personal data."""
        return tuple(column.name for column in self.columns if column.personal)

    def list_expired(self, now: datetime | None = None) -> tuple[TableVersion, ...]:
        """Return the versions last read before the retention limit of the table."""
        if self.retention_days is None:
            return ()
        limit = retention_limit(self.retention_days, now)
        return tuple(version for version in self.versions if version.last_seen < limit)


def retention_limit(days: int, now: datetime | None = None) -> str:
    """Return the time before which a version must have been read last for its retention period to be over."""
    return ((now or datetime.now(UTC)) - timedelta(days=days)).isoformat(timespec="seconds")


@dataclass(frozen=True)
class QualityFigure:
    """A quality figure at one time.

    Attributes:
        time: Time in UTC.
        digest: The validated version.
        name: What it measures: ``rows read``, ``rows valid``, ``rows quarantined``, ``missing share``, ``broken RULE``.
        subject: The column; empty for the whole table.
        value: The figure.
    """

    time: str
    digest: str
    name: str
    subject: str
    value: float


@dataclass(frozen=True)
class TableQuery:
    """A query for tables; empty fields match everything.

    Attributes:
        words: Words that must all occur in the name, source, owner, licence, description, tags or columns.
        tags: Tags that the table must have.
        owner: Person or team responsible for it.
        type: Kind of the source, or dtype of one of its columns.
        since: Earliest day of the last read (``2026-01-31``).
        until: Latest day of the last read.
        expired: Whether the retention period of one of its versions must be over.
    """

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owner: str = ""
    type: str = ""
    since: str = ""
    until: str = ""
    expired: bool = False

    def __post_init__(self) -> None:
        """Raise if a day is invalid.

        Raises:
            InputError: If so.
        """
        for name in ("since", "until"):
            text = getattr(self, name)
            try:
                date.fromisoformat(text or "2000-01-01")
            except ValueError as error:
                raise InputError(f"--{name} must be a day such as 2026-01-31; got {quote(text)} instead.") from error


def source_kind(source: str) -> str:
    """Return the kind of a source, by its address."""
    scheme = urlsplit(source).scheme if "://" in source else ""
    if "#" in source and scheme not in {"", "file", "http", "https", "s3"}:
        return "sql"
    endings = re.findall(r"\.([a-z]+)", source.split("?", 1)[0].lower().rsplit("/", 1)[-1])
    return next((ending for ending in endings if ending in _FORMATS), "file")


@dataclass(frozen=True)
class TableUse:
    """A use of a table's version by a run.

    Attributes:
        table: Name of the table.
        source: Its address.
        digest: Digest of the version.
        rows: Number of rows.
        run: Id of the run.
        model: Name of the model.
        person: Who ran it.
        time: Time of the run, in UTC.
        verdict: The gate's verdict.
        bundle: Digest of the bundle; empty for none.
        version: Its version in the registry; empty for none.
        uri: Where it is published.
        endpoints: Endpoints that served it.
    """

    table: str
    source: str
    digest: str
    rows: int
    run: str
    model: str
    person: str
    time: str
    verdict: str
    bundle: str
    version: str
    uri: str
    endpoints: tuple[Mapping[str, Any], ...] = field(default=())
