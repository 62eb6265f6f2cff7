"""An ``ObjectStore`` in a folder: each object is a file, and a key is its path."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.base.files import sha256, whole
from headrace.stores.objects.listing import StoredObject
from headrace.stores.objects.object_store import MAX_BYTES, MAX_OBJECT_BYTES, OCTETS, check_key


@dataclass(frozen=True)
class FolderStore:
    """Objects in a folder; it behaves as a bucket does, and writes each file whole or not at all.

    Attributes:
        folder: The folder; the first object creates it.
    """

    folder: Path

    @property
    def endpoint(self) -> str:
        """See ``ObjectStore.endpoint``."""
        return str(self.folder)

    @property
    def bucket(self) -> str:
        """See ``ObjectStore.bucket``."""
        return self.folder.name

    @property
    def atomic(self) -> bool:
        """See ``ObjectStore.atomic``: a hard link is made only where no file is."""
        return True

    def path(self, key: str) -> Path:
        """Return the file of an object.

        Raises:
            InputError: If some store would reject the key.
        """
        check_key(key)
        return self.folder / key

    def put_file(
        self,
        key: str,
        path: Path,
        media_type: str = OCTETS,  # noqa: ARG002 - a file has no media type
        *,
        fresh: bool = False,
        sure: Callable[[], object] = bool,
    ) -> bool:
        """See ``ObjectStore.put_file``."""
        sure()
        return self.put_bytes(key, path.read_bytes(), fresh=fresh)

    def put_bytes(
        self,
        key: str,
        data: bytes,
        media_type: str = OCTETS,  # noqa: ARG002 - a file has no media type
        *,
        fresh: bool = False,
    ) -> bool:
        """See ``ObjectStore.put_bytes``; the file is on disk when the call returns."""
        path = self.path(key)
        try:
            with whole(path) as part:
                part.write_bytes(data)
                if fresh:
                    _sync(part)
                    path.hardlink_to(part)
            _sync(path.parent)
        except FileExistsError:
            return False
        except (OSError, InputError) as error:
            raise StoreError(
                f"the store must be a folder that can be written; {path}: {str(error).rstrip('.')}."
            ) from error
        return True

    def get_file(self, key: str, path: Path, limit: int = MAX_OBJECT_BYTES) -> None:
        """See ``ObjectStore.get_file``."""
        with whole(path) as part:
            part.write_bytes(self.get_bytes(key, limit))

    def get_bytes(self, key: str, limit: int = MAX_BYTES) -> bytes:
        """See ``ObjectStore.get_bytes``."""
        size = self.find(key).size
        if size > limit:
            raise StoreError(f"{self.path(key)} must have at most {limit} bytes; it has {size}.")
        return self.path(key).read_bytes()

    def sha256(self, key: str, limit: int = MAX_OBJECT_BYTES) -> str:
        """See ``ObjectStore.sha256``."""
        size = self.find(key).size
        if size > limit:
            raise StoreError(f"{self.path(key)} must have at most {limit} bytes; it has {size}.")
        return sha256(self.path(key))

    def exists(self, key: str) -> bool:
        """See ``ObjectStore.exists``."""
        return self.path(key).is_file()

    def find(self, key: str) -> StoredObject:
        """See ``ObjectStore.find``."""
        path = self.path(key)
        if not path.is_file():
            raise MissingError(f"the folder {self.folder} holds no {key}; write it first.")
        return _entry(key, path.stat())

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """See ``ObjectStore.list``; files that are being written, whose names begin with a dot, are left out."""
        if prefix and not prefix.endswith("/"):
            raise InputError(f"a prefix must end with a slash; got {quote(prefix)} instead.")
        root = self.folder / prefix
        found = (
            (path.relative_to(self.folder).as_posix(), path)
            for path in root.rglob("*")
            if not path.name.startswith(".") and path.is_file()
        )
        for key, path in sorted(found):
            yield _entry(key, path.stat())


def _entry(key: str, facts: os.stat_result) -> StoredObject:
    modified = datetime.fromtimestamp(facts.st_mtime, UTC)
    return StoredObject(key, facts.st_size, f"{facts.st_size:x}-{facts.st_mtime_ns:x}", modified)


def _sync(path: Path) -> None:
    """Put a file's content, or a folder's entries, on disk, so that they survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
