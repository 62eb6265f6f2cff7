"""Locations of registries and catalogues: a SQLite file, a server, a database."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from headrace.core.base import settings
from headrace.core.base.errors import InputError, quote

FOLDER = Path("headrace-out")
REGISTRY_FILE = "registry.db"
CATALOG_FILE = "catalog.db"
LINEAGE_FILE = "lineage.jsonl"


@dataclass(frozen=True)
class RegistryLocation:
    """The location of a registry or a catalogue.

    Attributes:
        url: Its URL, without user and password.
        path: The SQLite file; None for a server.
    """

    url: str
    path: Path | None = None

    def __str__(self) -> str:
        """Return the location as messages show it."""
        return str(self.path) if self.path else self.url


def registry_location(text: str = "") -> RegistryLocation:
    """Return the location of the registry.

    Args:
        text: A path, ``sqlite:///PATH``, ``http://HOST`` or ``https://HOST``; empty for ``HEADRACE_REGISTRY``, or else
            ``headrace-out/registry.db``.

    Raises:
        InputError: If it has another form, or contains a password.
    """
    address = text or settings.registry() or str(FOLDER / REGISTRY_FILE)
    scheme = urlsplit(address).scheme if "://" in address or address.startswith("sqlite:") else ""
    if scheme in {"", "sqlite", "file"}:
        return _file(address)
    if scheme not in {"http", "https"}:
        raise InputError(
            f"a registry must be a file, sqlite:///PATH, or the http(s):// address of an MLflow server; "
            f"got one with the scheme {quote(scheme)} instead."
        )
    parts = urlsplit(address)
    if parts.username or parts.password or parts.query or not parts.hostname:
        raise InputError(
            "the address of a registry must be http(s)://HOST[:PORT][/PATH] alone; put the user and the password into "
            "HEADRACE_REGISTRY_USER and HEADRACE_REGISTRY_PASSWORD, or a token into HEADRACE_REGISTRY_TOKEN."
        )
    return RegistryLocation(url=address.rstrip("/"))


def catalog_location(text: str = "") -> RegistryLocation:
    """Return the location of the catalogue.

    Args:
        text: A path, ``sqlite:///PATH`` or ``postgresql://USER@HOST/DATABASE``; empty for ``HEADRACE_CATALOG``, or else
            ``headrace-out/catalog.db``.

    Raises:
        InputError: If it has another form, or contains a password.
    """
    address = text or settings.catalog() or str(FOLDER / CATALOG_FILE)
    scheme = urlsplit(address).scheme if "://" in address or address.startswith("sqlite:") else ""
    if scheme in {"", "sqlite", "file"}:
        return _file(address)
    parts = urlsplit(address)
    if not scheme.startswith("postgresql") or not parts.hostname:
        raise InputError(
            f"a catalogue must be a file, sqlite:///PATH or postgresql://USER@HOST/DATABASE; got one with the scheme "
            f"{quote(scheme)} instead."
        )
    if parts.password:
        raise InputError("the address of a catalogue must hold no password; put it into HEADRACE_CATALOG_PASSWORD.")
    return RegistryLocation(url=f"postgresql+psycopg://{address.partition('://')[2]}")


def _file(text: str) -> RegistryLocation:
    plain = text.removeprefix("sqlite:///").removeprefix("file://")
    if plain.startswith("sqlite:") or plain in {"", ":memory:"} or "?" in plain:
        raise InputError(f"a SQLite file must be named by its path or as sqlite:///PATH; got {quote(text)} instead.")
    path = Path(plain).absolute()
    return RegistryLocation(url=f"sqlite:///{path}", path=path)
