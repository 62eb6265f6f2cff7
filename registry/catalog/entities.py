"""What the catalogue tells of: tables with their columns, versions, figures and uses, and what may be looked for."""

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
        dtype: Its dtype by the contract, or as it was read.
        role: Its role by the contract; empty before one was made.
        unit: Unit of its values.
        personal: How personal data are treated; empty if it holds none.
        description: What people say of it.
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
        id: Its identity in the catalogue.
        digest: SHA-256 of its bytes, or of its rows for a query.
        rows: How many rows it has.
        bytes: How many bytes were read.
        first_seen: When it was read first, in UTC.
        last_seen: When it was read last.
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
        id: Its identity in the catalogue.
        name: Its short name.
        source: Its address.
        owner: Who answers for it.
        licence: Under which licence it is used.
        description: What people say of it.
        retain_days: After how many days its rows must be gone; None for no limit.
        first_seen: When it was read first, in UTC.
        last_seen: When it was read last.
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
    retain_days: int | None
    first_seen: str
    last_seen: str
    tags: tuple[str, ...] = ()
    versions: tuple[TableVersion, ...] = ()
    columns: tuple[CatalogColumn, ...] = ()

    @property
    def kind(self) -> str:
        """What the source is: ``csv``, ``parquet``, ``json``, ``sql``, or ``file``."""
        return source_kind(self.source)

    @property
    def personal(self) -> tuple[str, ...]:
        """Names of the columns that hold personal data."""
        return tuple(column.name for column in self.columns if column.personal)

    def list_expired(self, now: datetime | None = None) -> tuple[TableVersion, ...]:
        """Versions that were read longer ago than the table's rows may be kept."""
        if self.retain_days is None:
            return ()
        limit = ((now or datetime.now(UTC)) - timedelta(days=self.retain_days)).isoformat(timespec="seconds")
        return tuple(version for version in self.versions if version.last_seen < limit)


@dataclass(frozen=True)
class QualityFigure:
    """A figure of quality at one time.

    Attributes:
        time: When, in UTC.
        digest: The version that was checked.
        name: What was counted: ``rows read``, ``rows valid``, ``rows quarantined``, ``missing share``, ``broken RULE``.
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
    """What is looked for; what is left empty does not count.

    Attributes:
        words: Words that must all stand in the name, source, owner, licence, description, tags or columns.
        tags: Tags that it must all have.
        owner: Who answers for it.
        type: Kind of the source, or dtype of one of its columns.
        since: Day on which it was read last, or later (``2026-01-31``).
        until: Day on which it was read last, or earlier.
    """

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owner: str = ""
    type: str = ""
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        """Refuse days that are none.

        Raises:
            InputError: If there is one.
        """
        for name in ("since", "until"):
            text = getattr(self, name)
            try:
                date.fromisoformat(text or "2000-01-01")
            except ValueError as error:
                raise InputError(f"--{name} must be a day such as 2026-01-31; got {quote(text)} instead.") from error


def source_kind(source: str) -> str:
    """What a source is, by its address."""
    scheme = urlsplit(source).scheme if "://" in source else ""
    if "#" in source and scheme not in {"", "file", "http", "https", "s3"}:
        return "sql"
    endings = re.findall(r"\.([a-z]+)", source.split("?", 1)[0].lower().rsplit("/", 1)[-1])
    return next((ending for ending in endings if ending in _FORMATS), "file")


@dataclass(frozen=True)
class TableUse:
    """What a version of a table was used for.

    Attributes:
        table: Name of the table.
        source: Its address.
        digest: The version.
        rows: How many rows it has.
        run: Identity of the run.
        model: Name of the model.
        person: Who ran it.
        time: When.
        verdict: What the gate said.
        bundle: Digest of what was made; empty for nothing.
        version: Its version in the registry; empty for none.
        uri: Where it is published.
        endpoints: Where it answered.
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
