"""What lies at an address now, as a short text that changes when it does; cheap, for nothing is read that is large.

Kubeflow Pipelines takes a step from an earlier run if its parameters are the same, and an address stays the same when
what lies there is replaced. A step that is also given the address's fingerprint is taken only for the same content.
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
    """The fingerprint of what lies at an address, for the code and the packages that would read it.

    Args:
        address: Path, pattern of paths, folder, or URL, as a table, a contract or a bundle may be named.

    Returns:
        64 hexadecimal digits; a text that never comes again if nobody can know what lies there without reading all of
        it, as with a database, or if it cannot be reached: whoever reads it will say why. Empty for an empty address.
    """
    if not address:
        return ""
    try:
        found = list(_facts(address))
    except (HeadraceError, OSError):
        found = []
    if not found:
        return f"{_UNKNOWN}{uuid.uuid4().hex}"
    reader = [code_version().sha256, environment()["packages"]]
    return hashlib.sha256(dumps([reader, address, found]).encode()).hexdigest()


def is_known(told: str) -> bool:
    """Whether a fingerprint stands for some content, so that an earlier result may be taken for it."""
    return not told.startswith(_UNKNOWN)


def confirm(address: str, told: str) -> None:
    """See that what lies at an address is still what a fingerprint was taken of, after it was read.

    Args:
        address: The address.
        told: Its fingerprint before; empty if nobody took it.

    Raises:
        InputError: If something else lies there.
    """
    if told and is_known(told) and fingerprint(address) != told:
        raise InputError(
            f"{without_secrets(address) if _SCHEME.match(address) else address} must stay as it is while the run reads "
            "it; it has changed since the run began: run it again."
        )


def _facts(address: str) -> Iterator[list[object]]:
    """What is known of each file or object without reading it; nothing if that would not tell of a change."""
    scheme = _SCHEME.match(address)
    kind = scheme[1].lower() if scheme else ""
    if kind == "s3":
        from headrace.stores.sources.s3_source import s3_objects  # noqa: PLC0415 - minio takes its time

        objects = s3_objects(address)
        if all(one.etag for one in objects):
            yield from ([one.key, one.size, one.etag] for one in objects)
    elif kind in {"http", "https"}:
        from headrace.stores.sources.http_source import entity_tag  # noqa: PLC0415 - only where it is needed

        if tag := entity_tag(address):
            yield [tag]
    elif kind in {"", "file"}:
        for path in _paths(unquote(urlsplit(address).path) if kind else address):
            status = path.stat()
            # The time of the last change of a file's content or status cannot be set back.
            yield [str(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _paths(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        return sorted(found for found in path.rglob("*") if found.is_file())
    if path.exists():
        return [path]
    return sorted(found for found in map(Path, glob.glob(text, recursive=True)) if found.is_file())  # noqa: PTH207
