"""Fingerprints of addresses: short texts that change with the content, computed without reading it.

Kubeflow Pipelines takes a step from its cache if its parameters are the same, and an address stays the same when its
content is replaced. A step that also gets the address's fingerprint is cached only for the same content.
"""

import glob
import hashlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headrace.core.base.errors import HeadraceError, InputError
from headrace.core.base.files import dumps
from headrace.core.packaging.code_version import code_version
from headrace.core.packaging.environment import environment
from headrace.stores.sources.url_redaction import without_secrets

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_UNKNOWN = "unknown-"


def fingerprint(address: str) -> str:
    """Return the fingerprint of the content at an address, and of the code and the packages that would read it.

    Args:
        address: Path, pattern of paths, folder, or URL, as a table, a contract or a bundle may be named.

    Returns:
        64 hexadecimal digits; a unique text if the content cannot be identified without reading it all, as with a
        database, or if the address cannot be reached, which its reader will report. Empty for an empty address.
    """
    if not address:
        return ""
    try:
        metadata = list(_facts(address))
    except (HeadraceError, OSError):
        metadata = []
    if not metadata:
        return f"{_UNKNOWN}{uuid.uuid4().hex}"
    reader = [code_version().sha256, environment()["packages"]]
    return hashlib.sha256(dumps([reader, address, metadata]).encode()).hexdigest()


def is_known(text: str) -> bool:
    """Return whether a fingerprint identifies content, so that an earlier result may be reused."""
    return not text.startswith(_UNKNOWN)


def confirm(address: str, expected: str) -> None:
    """Raise if the content at an address has changed since its fingerprint was taken; call it after reading.

    Args:
        address: The address.
        expected: Its earlier fingerprint; empty for none.

    Raises:
        InputError: If the content has changed.
    """
    if expected and is_known(expected) and fingerprint(address) != expected:
        raise InputError(
            f"{without_secrets(address) if _SCHEME.match(address) else address} must stay as it is while the run reads "
            "it; it has changed since the run began: run it again."
        )


def _facts(address: str) -> Iterator[list[object]]:
    """Yield what identifies the content of each file or object without reading it; nothing if that is impossible."""
    scheme = _SCHEME.match(address)
    kind = scheme[1].lower() if scheme else ""
    if kind == "s3":
        from headrace.stores.sources.s3_source import s3_objects  # noqa: PLC0415 - minio takes its time

        objects = s3_objects(address)
        if all(item.etag for item in objects):
            yield from ([item.key, item.size, item.etag] for item in objects)
    elif kind in {"http", "https"}:
        from headrace.stores.sources.http_source import entity_tag  # noqa: PLC0415 - only where it is needed

        if tag := entity_tag(address):
            yield [tag]
    elif kind in {"", "file"}:
        for path in _paths(unquote(urlsplit(address).path) if kind else address):
            status = path.stat()
            # Unlike mtime, users cannot set ctime back.
            yield [str(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _paths(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    if path.exists():
        return [path]
    return sorted(file for file in map(Path, glob.glob(text, recursive=True)) if file.is_file())  # noqa: PTH207
