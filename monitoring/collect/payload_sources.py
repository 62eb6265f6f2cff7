"""Sources of logged payloads that are read from time to time: a log file, a folder, a prefix of a bucket.

A source remembers how far it was read. Its position is saved after its events are in the store, so a process that is
killed reads some of them twice, and the store holds each once. Topics (``topics``) are one more kind of source.
"""

import logging
import math
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from headrace.core.base.errors import MissingError, RequestError
from headrace.monitoring.collect.payload_files import SUFFIXES, FileItem, read_file, read_line
from headrace.stores.objects.listing import StoredObject
from headrace.stores.objects.open_objects import StorePlace, open_objects

MOST_EVENTS = 20_000
_MOST_FILE_BYTES = 256 << 20
_MOST_LINE_BYTES = 64 << 20
_FILES_AT_ONCE = 256
_THREADS = 8
_HEAD_BYTES = 256
_LIST_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_logger = logging.getLogger(__name__)

Item = tuple[FileItem, int | None]
"""An event or why it cannot be read, and the time of its file in microseconds since 1970, if it has one."""


class PayloadSource(Protocol):
    """A source of events.

    Attributes:
        address: What names it.
        in_journal: Whether its position is saved in the journal; else its place keeps it when it is settled.
        in_order: Whether its events come in the order of their times, so that an older one is worth a note.
    """

    address: str
    in_journal: bool
    in_order: bool

    def read(self) -> list[Item]:
        """Return the next events, some 20,000 at most; none if there are no more of them now.

        Raises:
            MissingError: If the source does not exist.
            StoreError: If a store cannot be reached.
        """

    def position(self) -> Any:
        """Return how far it was read, as plain values."""

    def resume(self, position: Any) -> None:
        """Go on from a position of before, of an earlier process if it is one that the journal saved."""

    def note_outcomes(self, reasons: Sequence[str | None]) -> None:
        """Note what became of the events of the last ``read``.

        Args:
            reasons: Why each of them was refused; None for one that was accepted.
        """

    def check_form(self) -> None:
        """Check that what was read is what the source should hold.

        Raises:
            InputError: If none of it is.
        """

    def settle(self) -> None:
        """Note that all that was read is in the store or in the journal, whatever happens from now on."""

    def close(self) -> None:
        """End the connection to the source."""


class _StoredSource:
    """A source whose position the journal saves."""

    in_journal = True
    in_order = True

    def note_outcomes(self, reasons: Sequence[str | None]) -> None:
        """See ``PayloadSource.note_outcomes``; files may be read again."""

    def check_form(self) -> None:
        """See ``PayloadSource.check_form``; files may be read again."""

    def settle(self) -> None:
        """See ``PayloadSource.settle``; the journal has the position."""

    def close(self) -> None:
        """See ``PayloadSource.close``; nothing is open."""


class LogFile(_StoredSource):
    """A payload log to which lines are appended, perhaps while it is read; it survives its rotation."""

    def __init__(self, address: str, *, follow: bool) -> None:
        """Begin with the first line.

        Args:
            address: Path of the file.
            follow: Whether it is still written: its last line is then read when it ends with a line feed.
        """
        self.address = address
        self._path = Path(address)
        self._follow = follow
        self._inode = self._offset = self._checksum = 0

    def read(self) -> list[Item]:
        """See ``PayloadSource.read``."""
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError as error:
            if self._follow and not self._inode:
                return []
            if not self._follow:
                raise MissingError(f"there is no file {self._path}; correct the path.") from error
            inode = 0  # it was renamed, and the next one is not there yet
        if self._inode and inode != self._inode:
            rest = self._read_renamed()
            if rest:
                return rest
            self._inode = self._offset = 0
        if not inode:
            return []
        self._inode = inode
        return self._read_lines(self._path)

    def _read_renamed(self) -> list[Item]:
        """Return what was appended to a file before it was renamed, such as by logrotate."""
        for path in sorted(self._path.parent.glob(f"{self._path.name}*")):
            if path.is_file() and path.stat().st_ino == self._inode:
                return self._read_lines(path)
        return []

    def _read_lines(self, path: Path) -> list[Item]:
        items: list[Item] = []
        with path.open("rb") as stream:
            if stream.seek(0, 2) < self._offset or self._checksum_of(stream) != self._checksum:
                _logger.warning("%s is another file than before; it is read from its beginning.", path)
                self._offset = 0
            stream.seek(self._offset)
            while len(items) < MOST_EVENTS and (line := stream.readline(_MOST_LINE_BYTES)):
                if not line.endswith(b"\n") and self._follow and len(line) < _MOST_LINE_BYTES:
                    break
                self._offset += len(line)
                if line.strip():
                    items.append((read_line(line), None))
            self._checksum = self._checksum_of(stream)
        return items

    def _checksum_of(self, stream: BinaryIO) -> int:
        """Return a checksum of the file's beginning: a new file may get the inode of one that was deleted."""
        stream.seek(0)
        return zlib.crc32(stream.read(min(self._offset, _HEAD_BYTES)))

    def position(self) -> Any:
        """See ``PayloadSource.position``."""
        return {"inode": self._inode, "offset": self._offset, "checksum": self._checksum}

    def resume(self, position: Any) -> None:
        """See ``PayloadSource.resume``."""
        self._inode, self._offset, self._checksum = (int(position[key]) for key in ("inode", "offset", "checksum"))


class StoredPayloads(_StoredSource):
    """Files of payloads in a folder or below a prefix, each read once; new ones are found by listing them again."""

    def __init__(self, address: str, place: StorePlace) -> None:
        """Begin with the first file.

        Args:
            address: What names the place.
            place: The place.
        """
        self.address = address
        self._place = place
        self._seen: dict[str, str] = {}
        self._left: Iterator[StoredObject] | None = None
        self._listed = -math.inf

    def read(self) -> list[Item]:
        """See ``PayloadSource.read``."""
        if self._left is None:
            if time.monotonic() - self._listed < _LIST_SECONDS:
                return []
            self._listed = time.monotonic()
            found = self._place.store.list(self._place.prefix)
            self._left = (item for item in found if self._seen.get(item.key) != item.etag)
        items: list[Item] = []
        with ThreadPoolExecutor(_THREADS) as pool:
            while len(items) < MOST_EVENTS and (files := list(islice(self._left, _FILES_AT_ONCE))):
                for file, content in zip(files, pool.map(self._fetch, files), strict=True):
                    items += content
                    self._seen[file.key] = file.etag
        if not items:
            self._left = None
        return items

    def _fetch(self, file: StoredObject) -> list[Item]:
        written = None if file.modified is None else (file.modified - _EPOCH) // timedelta(microseconds=1)
        if not file.key.lower().endswith(SUFFIXES):
            return [(RequestError(f"{file.key} must end with one of {', '.join(SUFFIXES)}.", "file"), written)]
        if file.size > _MOST_FILE_BYTES:
            error = RequestError(f"{file.key} must have at most {_MOST_FILE_BYTES} bytes; it has {file.size}.", "size")
            return [(error, written)]
        content = self._place.store.get_bytes(file.key, _MOST_FILE_BYTES)
        return [(item, written) for item in read_file(file.key, content)]

    def position(self) -> Any:
        """See ``PayloadSource.position``."""
        return dict(self._seen)

    def resume(self, position: Any) -> None:
        """See ``PayloadSource.resume``."""
        self._seen, self._left = dict(position), None


def open_payloads(address: str, *, follow: bool) -> PayloadSource:
    """Return the source that an address names.

    Args:
        address: A log file, a folder, or ``s3://BUCKET/PREFIX``.
        follow: Whether it is still written, and may not exist yet.

    Raises:
        InputError: If it is another address.
        MissingError: If it does not exist, unless it is followed.
        StoreError: If its store cannot be reached.
    """
    path = Path(address)
    if "://" not in address and not path.is_dir():
        if not path.exists() and not follow:
            raise MissingError(f"there is no file or folder {address}; correct the path.")
        return LogFile(address, follow=follow)
    return StoredPayloads(address, open_objects(address))
