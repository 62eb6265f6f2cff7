"""Entries of an object store's listing."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class StoredObject:
    """One object in a listing.

    Attributes:
        key: Its key.
        size: Its length in bytes.
        etag: The server's identifier of its content, which changes with the content; empty if there is none.
        modified: When it was written; None if the server does not say.
    """

    key: str
    size: int
    etag: str = field(default="", compare=False)
    modified: datetime | None = field(default=None, compare=False)
