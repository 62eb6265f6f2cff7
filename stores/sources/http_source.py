"""Tables at an ``http://`` or ``https://`` URL, fetched to a temporary file."""

import base64
import http.client
import tempfile
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError, StoreError, UserError
from headrace.core.tables.source import FileSource, SourceFile
from headrace.stores.sources.url_redaction import without_secrets

TIMEOUT_SECONDS = 30.0
_CHUNK_BYTES = 2**20


def http_files(url: str) -> FileSource:
    """Return a URL as a table of one file, which is stored on this machine while it is read.

    Args:
        url: ``http://`` or ``https://``; its user and password are sent by basic authentication,
            to that host only.
    """
    name = without_secrets(url)

    def open_files() -> Generator[SourceFile]:
        with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
            path = Path(folder) / "download"
            _fetch(url, path, name)
            yield SourceFile(name.split("?", 1)[0], path)

    return FileSource(name, open_files)


def entity_tag(url: str) -> str:
    """Return the strong ETag of a URL; empty if the server sends none."""
    request = _request(url)
    request.method = "HEAD"
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as below
            tag = str(answer.headers.get("ETag") or "")
    except (OSError, http.client.HTTPException, ValueError):
        return ""
    return tag if tag.startswith('"') else ""  # a weak one may stay the same when bytes change


def _fetch(url: str, path: Path, name: str) -> None:
    limit = settings.max_download_bytes()
    try:
        with urllib.request.urlopen(_request(url), timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as stream:  # noqa: S310 - the scheme was chosen by the caller
            length = answer.headers.get("Content-Length")
            if length and length.isdecimal() and int(length) > limit:
                raise _too_large(name, limit)
            size = _copy(answer, stream, limit, name)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in {404, 410}:
            raise MissingError(f"there is no {name}: the server answers {error.code}; correct the URL.") from error
        if error.code in {401, 403}:
            raise InputError(
                f"the server refuses {name} ({error.code}); put a user and a password into the URL, or fetch it first."
            ) from error
        raise StoreError(f"{name} cannot be fetched: the server answers {error.code}; try again later.") from error
    except UserError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise StoreError(f"{name} cannot be fetched ({reason}); check the URL and that its server runs.") from error
    if length and length.isdecimal() and size != int(length):
        raise StoreError(f"{name} ended after {size:,} of {int(length):,} bytes; fetch it again.")


def _request(url: str) -> urllib.request.Request:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit((parts.scheme, host, parts.path, parts.query, "")))  # noqa: S310
    request.add_header("User-Agent", "headrace")
    if user:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _copy(answer: IO[bytes], stream: IO[bytes], limit: int, name: str) -> int:
    size = 0
    while data := answer.read(_CHUNK_BYTES):
        size += len(data)
        if size > limit:
            raise _too_large(name, limit)
        stream.write(data)
    return size


def _too_large(name: str, limit: int) -> InputError:
    return InputError(
        f"{name} is larger than {limit:,} bytes, the most that is fetched; raise HEADRACE_MAX_DOWNLOAD_BYTES."
    )
