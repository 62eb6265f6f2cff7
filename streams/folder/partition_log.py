"""The log of a partition in a folder: segments that are named after the offset of their first record.

A segment is ``OFFSET.jsonl`` or, to read, ``OFFSET.parquet``, whose rows are the values of its records. A segment never
changes; it is there whole, or not at all.
"""

import io
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from headrace.core.base.errors import InputError, StoreError
from headrace.streams.folder.segment_lines import COMMIT, StoredRecord, read_line

_MOST_BYTES = 1 << 30
_DIGITS = 20


class PartitionLog:
    """Reads a partition."""

    def __init__(self, folder: Path) -> None:
        """Initialize; nothing is read yet.

        Args:
            folder: Folder of the partition; if there is none, the partition is empty.
        """
        self.folder = folder
        self._lines: dict[Path, list[bytes]] = {}  # the segment that was read last
        self._counts: dict[Path, tuple[int, int]] = {}

    def segments(self) -> list[tuple[int, Path]]:
        """Return first offset and path of each segment, in order.

        Raises:
            InputError: If a file has another name.
        """
        found = []
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name.startswith("."):
                    continue  # a file that is being written
                if path.suffix not in {".jsonl", ".parquet"} or not path.stem.isdecimal():
                    raise InputError(
                        f"a partition must hold OFFSET.jsonl or OFFSET.parquet, such as 0.jsonl; got {path} instead."
                    )
                found.append((int(path.stem), path))
        return sorted(found)

    @property
    def first_offset(self) -> int:
        """Offset of the first record that is still there."""
        segments = self.segments()
        return segments[0][0] if segments else 0

    @property
    def end_offset(self) -> int:
        """Offset of the next record to be written."""
        segments = self.segments()
        return segments[-1][0] + self._count(segments[-1][1])[0] if segments else 0

    def read(self, offset: int, *, rows: int) -> list[tuple[int, StoredRecord]]:
        """Return the next records with their offsets.

        Args:
            offset: Where to begin.
            rows: Most records.

        Raises:
            InputError: If a segment begins inside the one before it.
        """
        segments = self.segments()
        found: list[tuple[int, StoredRecord]] = []
        place = max(bisect_right([base for base, _ in segments], offset) - 1, 0)
        if place:
            self._require_apart(segments, place - 1)
        for index, (base, path) in enumerate(segments[place:], place):
            self._require_apart(segments, index)
            start = max(offset - base, 0)
            for number, line in enumerate(self._read_lines(path)[start:], base + start):
                record = read_line(line)
                if record is not None:
                    found.append((number, record))
                if len(found) >= rows:
                    return found
        return found

    def find_gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges between two offsets that are in no segment, each with the offset after its last one.

        Args:
            start: Where to begin.
            end: Where to end; a segment begins before it, or there.
        """
        gaps = []
        segments = self.segments()
        place = max(bisect_right([base for base, _ in segments], start) - 1, 0)
        for base, path in segments[place:]:
            if start < base <= end:
                gaps.append((start, base))
            start = max(start, base + self._count(path)[0])
        return gaps

    def written_at(self, offsets: Sequence[int]) -> list[int]:
        """Return when the files of n records were written, in milliseconds since 1970.

        Args:
            offsets: Offsets of records that are there.
        """
        segments = self.segments()
        bases = [base for base, _ in segments]
        places = [max(bisect_right(bases, offset) - 1, 0) for offset in offsets]
        times = {place: segments[place][1].stat().st_mtime_ns // 1_000_000 for place in set(places)}
        return [times[place] for place in places]

    def count_rows(self, offset: int) -> int:
        """Return the number of records from an offset on; ends of transactions are no records."""
        rows = 0
        for base, path in self.segments():
            lines, records = self._count(path)
            if offset <= base:
                rows += records
            elif offset < base + lines:
                rows += sum(line != COMMIT for line in self._read_lines(path)[offset - base :])
        return rows

    def name_segment(self, offset: int) -> Path:
        """Return the path of a segment that begins at an offset."""
        return self.folder / f"{offset:0{_DIGITS}d}.jsonl"

    def _count(self, path: Path) -> tuple[int, int]:
        """Return how many offsets a segment takes, and how many of them are records."""
        if path not in self._counts:
            self._read_lines(path)
        return self._counts.get(path, (0, 0))

    def _read_lines(self, path: Path) -> list[bytes]:
        if path in self._lines:
            return self._lines[path]
        lines = _load(path)
        if lines:  # an empty one may be filled yet
            self._lines = {path: lines}
            self._counts[path] = len(lines), len(lines) - lines.count(COMMIT)
        return lines

    def _require_apart(self, segments: Sequence[tuple[int, Path]], index: int) -> None:
        """Raise if the segment behind another one begins inside it."""
        if index + 1 == len(segments):
            return
        (base, path), (following, other) = segments[index : index + 2]
        end = base + self._count(path)[0]
        if following < end:
            raise InputError(
                f"a segment must begin behind the one before it; {path} has the offsets {base} to {end - 1}, and "
                f"{other} begins at {following}: a file is named after the offset of its first event."
            )


def _load(path: Path) -> list[bytes]:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise InputError(f"a segment must have at most {_MOST_BYTES} bytes; {path} has {size}: cut it in two.")
        if path.suffix == ".jsonl":
            content = path.read_bytes()
            return content.removesuffix(b"\n").split(b"\n") if content else []
        lines = io.BytesIO()
        pl.read_parquet(path).write_ndjson(lines)
        return lines.getvalue().splitlines()
    except OSError as error:
        raise StoreError(f"the segment {path} must be readable: {error.strerror}.") from error
    except pl.exceptions.PolarsError as error:
        raise InputError(f"the segment {path} must be a Parquet file; {error}.") from error
