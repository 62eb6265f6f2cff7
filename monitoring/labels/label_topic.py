"""Takes the labels of a topic into the monitoring store, batch by batch.

Positions are committed to the group when the store has the batch. A process that is killed between the two reads it
again, and finds that its labels repeat what is known. Nor are positions committed before one label was accepted:
whoever named another topic or column by mistake finds the labels unread.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from headrace.core.base.errors import InputError, StoreError, quote
from headrace.core.contracts.contract import Contract
from headrace.monitoring.labels.label_intake import NO_LABELS, LabelCounts, take_labels
from headrace.monitoring.labels.label_records import read_label_records
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.label_table import REASON, LabelColumns, count_reasons
from headrace.monitoring.labels.labelled_rows import RowStore
from headrace.streams.broker import EventBatch
from headrace.streams.topic_reader import TopicReader

_MOST_LABELS = 50_000
_FILL_SECONDS = 0.2
_PAUSE_SECONDS = 2.0
_logger = logging.getLogger(__name__)


@dataclass
class LabelTopic:
    """Takes the labels of a topic.

    Attributes:
        reader: The topic; the caller closes it.
        contract: The contract of the model.
        rows: The rows that the model has scored.
        labels: Where labels are stored.
        columns: Names of what a label holds.
        keeps_refused: Whether to keep refused labels in ``refused``; else they are counted only.
        counts: What became of the labels so far.
        refused: Refused labels with the reason of each.
    """

    reader: TopicReader
    contract: Contract
    rows: RowStore
    labels: LabelStore
    columns: LabelColumns
    keeps_refused: bool = True
    counts: LabelCounts = NO_LABELS
    refused: list[pl.DataFrame] = field(default_factory=list)
    _is_held: bool = False
    _valued: int = 0

    def take_all(self) -> None:
        """Take the labels that were there when the reader was opened.

        Raises:
            InputError: If all labels are refused, or labels name keys that no stored request held.
            StoreError: If the store fails; labels that are not stored are read again by the next reader.
        """
        while not self.reader.at_end:
            self._take(self._gather(lambda: self.reader.at_end))
            if not self._is_foreign:
                self.reader.commit(self.reader.positions)
        if self._is_foreign:
            raise InputError(self._describe_foreign())

    def follow(self, ended: Callable[[], bool], *, seconds: float) -> None:
        """Take labels as they come, until ``ended``; what was read is stored before.

        Args:
            ended: Returns whether to end.
            seconds: Longest time from a label to its batch.

        Raises:
            InputError: If labels name keys that no stored request held.
            StoreError: If the store fails at the end.
        """
        while not ended():
            due = time.monotonic() + seconds
            positions = self.reader.positions
            try:
                self._take(self._gather(lambda due=due: ended() or time.monotonic() >= due))  # type: ignore[misc]
            except StoreError as error:
                if ended():
                    raise
                _logger.error("labels are read again: %s", error)  # noqa: TRY400 - a sentence, not a traceback
                self._go_back(positions, ended)
                continue
            if self._is_foreign:
                if not self._is_held:
                    _logger.warning("%s", self._describe_foreign())
                self._is_held = True
                continue
            try:
                self.reader.commit(self.reader.positions)
            except StoreError as error:
                _logger.warning("labels are stored, and where to go on is kept later: %s", error)

    def collect_refused(self) -> pl.DataFrame:
        """Return the refused labels that were kept, with the reason of each in the last column."""
        if not self.refused:
            return pl.DataFrame(schema={REASON: pl.String()})
        both = pl.concat([frame.rename({frame.columns[-1]: REASON}) for frame in self.refused], how="diagonal")
        return both.select(pl.exclude(REASON), REASON)

    @property
    def _is_foreign(self) -> bool:
        """Whether records with a value were read, and no label among them was accepted."""
        return self._valued > 0 and self.counts.refused == self.counts.labels

    def _describe_foreign(self) -> str:
        reasons = "; ".join(f"{count:,} because {reason}" for reason, count in self.counts.reasons.items())
        actual = self.columns.actual or self.contract.target.name
        return (
            f"the topic {self.reader.topic} must hold labels of {self.contract.name} with what was true as "
            f"{quote(actual)}; all {self.counts.labels:,} that were read are refused, and stay unread ({reasons}): "
            "name the topic of this model's labels, or by --actual-column what holds the truth."
        )

    def _gather(self, is_enough: Callable[[], bool]) -> EventBatch:
        """Return the next records as one batch."""
        found = EventBatch([], [], [], [], [], [])
        while True:
            batch = self.reader.poll(rows=_MOST_LABELS - len(found), seconds=_FILL_SECONDS)
            found.values.extend(batch.values)
            found.timestamps.extend(batch.timestamps)
            if len(found) >= _MOST_LABELS or is_enough():
                return found

    def _take(self, batch: EventBatch) -> None:
        """Store the labels of a batch, and count them."""
        self.counts = replace(self.counts, lost_offsets=self.reader.lost_offsets)
        if not len(batch):
            return
        tables, others = read_label_records(batch, self.contract, self.columns)
        found = replace(NO_LABELS, labels=others.height, refused=others.height, reasons=count_reasons(others))
        refused = [others]
        for table in tables:
            now = dt.datetime.now(dt.UTC)
            counts, bad = take_labels(
                table, self.contract, rows=self.rows, labels=self.labels, now=now, columns=self.columns
            )
            found += counts
            refused.append(bad)
        self.counts += found
        self._valued += sum(value is not None for value in batch.values)
        if self.keeps_refused:
            self.refused += [frame for frame in refused if frame.height]

    def _go_back(self, positions: Mapping[int, int], ended: Callable[[], bool]) -> None:
        self.reader.rewind({partition: positions.get(partition, 0) for partition in self.reader.positions})
        deadline = time.monotonic() + _PAUSE_SECONDS
        while time.monotonic() < deadline and not ended():
            time.sleep(0.05)
