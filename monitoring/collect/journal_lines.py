"""Lines of a journal: a checksum and some events, so that a line that was not written whole is recognized.

The events of one line were written, and acknowledged, together. The line names the columns once, for all of them:
``CHECKSUM [[NAMES, [[request_id, is_response, time, model_digest, rows], ...]], ...]``.
"""

import logging
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collected_event import CollectedEvent, Names

_CHECKSUM = 9  # eight hexadecimal digits and a blank
_logger = logging.getLogger(__name__)


def write_line(events: Iterable[CollectedEvent]) -> bytes:
    """Return the line of some events, with its line feed."""
    by_names: dict[Names, list[tuple[Any, ...]]] = {}
    for event in events:
        by_names.setdefault(event.names, []).append(event[1:])
    content = orjson.dumps([*by_names.items()])
    return b"%08x %b\n" % (zlib.crc32(content), content)


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
                events = [
                    CollectedEvent(shared, *values)
                    for names, group in orjson.loads(content)
                    for shared in [tuple(names)]
                    for values in group
                ]
            except (ValueError, TypeError):
                counts.damaged += 1
                _logger.warning("line %d of %s is damaged; the events in it are lost.", number, path)
            else:
                yield from events
