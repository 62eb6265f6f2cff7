"""What a listing of an object store shows."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it.

    Attributes:
        key: Its key.
        size: Its length in bytes.
        etag: What the server calls its content; another content has another one. Empty if the server does not say.
    """

    key: str
    size: int
    etag: str = field(default="", compare=False)
