"""Lines of a journal: a checksum and an event, so that a line that was not written whole is recognized."""

import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collected_event import CollectedEvent, from_line

_CHECKSUM = 9  # eight hexadecimal digits and a blank
_logger = logging.getLogger(__name__)


def write_line(event: CollectedEvent) -> bytes:
    """Return the line of an event, with its line feed."""
    line = event.as_line()
    return b"%08x %b\n" % (zlib.crc32(line), line)


def read_lines(path: Path, counts: CollectCounts) -> Iterator[CollectedEvent]:
    """Yield the events of a journal's file.

    A line without its line feed ends the file: its write was interrupted, so nobody was promised that it is kept. Other
    lines that do not match their checksum are counted and logged.

    Args:
        path: The file.
        counts: Where damaged lines are counted.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            content = line[_CHECKSUM:-1]
            try:
                if int(line[: _CHECKSUM - 1], 16) != zlib.crc32(content):
                    raise ValueError  # noqa: TRY301 - both kinds of damage are treated as one
                yield from_line(content)
            except (ValueError, TypeError):
                counts.damaged += 1
                _logger.warning("line %d of %s is damaged; the event in it is lost.", number, path)
