"""Offsets of a folder that are gone before they were read: said and counted, as those that a broker has deleted."""

import logging
from typing import TYPE_CHECKING

from headrace.streams.folder.partition_log import PartitionLog

if TYPE_CHECKING:
    from pathlib import Path

_logger = logging.getLogger(__name__)


class LostOffsets:
    """What one connection has lost; events that come again count once.

    Attributes:
        count: Number of offsets.
    """

    def __init__(self) -> None:
        """Initialize without losses."""
        self.count = 0
        self._passed: dict[Path, int] = {}
        self._begun_again: dict[Path, int] = {}

    def note(self, log: PartitionLog, wanted: int, found: int) -> None:
        """Note that a partition goes on elsewhere than it should.

        Args:
            log: The partition.
            wanted: The offset that was to be read.
            found: The offset at which it goes on; below ``wanted`` in a topic that was begun again.
        """
        lost = 0
        if found < wanted:
            if self._begun_again.get(log.folder) == wanted:
                return
            self._begun_again[log.folder] = wanted
            self._passed.pop(log.folder, None)
        else:
            lost = found - max(wanted, self._passed.get(log.folder, 0))
            if lost <= 0:
                return
            self._passed[log.folder] = found
            self.count += lost
        _logger.warning(
            "partition %s of %s has offsets %d to %d, and %d was to be read: it goes on at %d; %d are lost.",
            log.folder.name, log.folder.parent.name, log.first_offset, log.end_offset, wanted, found, lost,
        )  # fmt: skip
