"""Files that are complete or absent, digests, and JSON that every reader accepts."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, MissingError

_SMALL_BYTES = 1 << 16


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` that replaces it if the block succeeds.

    Raises:
        InputError: If the folder cannot be written, or the path is a folder itself, or a device or a pipe.
    """
    if path.is_dir():
        raise InputError(f"{path} must be a file to write; it is a folder: name a file in it.")
    # The rename would replace the device itself: /dev/null, by a file that takes up space.
    if path.exists() and not path.is_file():
        raise InputError(f"{path} must be a file to write; it is a device or a pipe: name a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"cannot write in the folder {path.parent}: {error.strerror}.") from error
    os.close(handle)
    part = Path(name)
    # mkstemp grants access to the owner alone, but other accounts read the file.
    part.chmod(0o644)
    try:
        yield part
        # Data must be on disk before the rename, or a crash could leave an empty file in place.
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def dumps(value: Any) -> str:
    """Return JSON with sorted keys and a final line feed; NaN and infinities raise ``ValueError``."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    write_text(path, dumps(value))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}.") from error
    except (ValueError, OSError) as error:
        raise InputError(f"{path} must be a JSON file; {error}.") from error


def digest(data: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256(path: Path) -> str:
    """Return the lower-case hexadecimal SHA-256 of a file."""
    with path.open("rb", buffering=0) as stream:
        head = stream.read(_SMALL_BYTES)
        if len(head) < _SMALL_BYTES:
            # `file_digest` makes a buffer of 256 KiB each time, which costs more than a small file.
            return digest(head)
        stream.seek(0)
        return hashlib.file_digest(stream, "sha256").hexdigest()
