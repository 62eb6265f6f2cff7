"""The receiver's journal: events are on disk before they are acknowledged, and leave it when they are in the store.

It consists of segments, files to which lines are only appended. A segment is sealed after a while, its events are
stored, and it is deleted. What a killed process leaves are segments that the next one stores first. Storing a segment
twice changes nothing, so no further record is needed of what was done.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from headrace.core.base.errors import StoreError
from headrace.core.runtime.processes import lease

_SEGMENT = "segment-"
HALVES = "halves.jsonl"
# A write returns when the disk has what was written (open(2), O_DSYNC): one call, and one change of thread, not two.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_DSYNC


class Journal:
    """The journal of one receiver, in a folder that it alone uses."""

    def __init__(self, folder: Path) -> None:
        """Find the segments that an earlier process left; they are sealed.

        Args:
            folder: The folder; it exists.
        """
        self.folder = folder
        self._sealed = {path: path.stat().st_size for path in sorted(folder.glob(f"{_SEGMENT}*"))}
        self._sealed_bytes = sum(self._sealed.values())
        self._number = max((int(path.stem.removeprefix(_SEGMENT)) for path in self._sealed), default=0)
        self._current: Path | None = None
        self._descriptor = -1
        self._size = 0

    @property
    def unwritten_bytes(self) -> int:
        """Bytes of the events that are not in the store yet."""
        return self._size + self._sealed_bytes

    @property
    def sealed(self) -> list[Path]:
        """Segments that may be stored, the oldest first."""
        return list(self._sealed)

    @property
    def segment_bytes(self) -> int:
        """Size of the current segment."""
        return self._size

    def append(self, content: bytes) -> None:
        """Append whole lines, and return when they are on disk.

        Raises:
            StoreError: If the disk is full or fails; what was written before stays.
        """
        try:
            if self._current is None:
                self._begin()
            view = memoryview(content)
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            if self._current is not None:
                self._abandon()
            raise StoreError(f"the journal {self.folder} cannot be written: {error.strerror}; make room.") from error
        self._size += len(content)

    def seal(self) -> None:
        """End the current segment, so that its events are stored; the next line begins another."""
        if self._current is None:
            return
        os.close(self._descriptor)
        self._sealed[self._current] = self._size
        self._sealed_bytes += self._size
        self._current, self._descriptor, self._size = None, -1, 0

    def remove(self, segment: Path) -> None:
        """Delete a segment whose events are in the store."""
        segment.unlink(missing_ok=True)
        self._sealed_bytes -= self._sealed.pop(segment, 0)

    def close(self) -> None:
        """Seal the current segment."""
        self.seal()

    def _begin(self) -> None:
        self._number += 1
        path = self.folder / f"{_SEGMENT}{self._number:012d}.jsonl"
        self._descriptor = os.open(path, _FLAGS, 0o600)
        self._current, self._size = path, 0  # from here on a failure ends this segment
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _abandon(self) -> None:
        """Remove what a failed write has left behind the last whole line, and end the segment.

        If even that fails, the rest of a line is the end of its segment, where it is recognized.
        """
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._size)
        self.seal()


@contextlib.contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Yield the journal in a folder, which no other process may use meanwhile.

    Raises:
        InputError: If another process uses it.
        StoreError: If the folder cannot be made or read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the journal must be in a folder that can be written; {folder}: {error}.") from error
    with lease(folder / "lock"):
        journal = Journal(folder)
        try:
            yield journal
        finally:
            journal.close()
