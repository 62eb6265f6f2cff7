"""Takes a table of labels into the monitoring store, and counts what became of them."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import polars as pl

from headrace.core.base.quantities import describe_count
from headrace.core.contracts.contract import Contract
from headrace.monitoring.labels.label_store import LabelStore, count_corrected, find_repeated, with_receipt
from headrace.monitoring.labels.label_table import LabelColumns, check_labels, count_reasons
from headrace.monitoring.labels.labelled_rows import RowStore, count_matches


@dataclass(frozen=True)
class LabelCounts:
    """What became of the labels of a table.

    Attributes:
        labels: Rows of the table.
        matched: Accepted labels of rows that are stored.
        unknown: Accepted labels of rows that are not stored, or not yet; they are kept.
        early: Matched labels that were observed before their request; they count all the same.
        corrected: Rows whose actual value the table changed.
        repeated: Labels that say again what was known.
        refused: Rows that were not taken.
        reasons: How many of them for which reason.
        stored: Whether the store has more labels than before.
        lost_offsets: Offsets of a topic that were deleted before they were read.
    """

    labels: int
    matched: int
    unknown: int
    early: int
    corrected: int
    repeated: int
    refused: int
    stored: bool
    reasons: Mapping[str, int] = field(default_factory=dict)
    lost_offsets: int = 0

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        """Return the counts of two tables together."""
        sums = {
            one.name: getattr(self, one.name) + getattr(other, one.name)
            for one in fields(self)
            if one.name not in {"stored", "reasons"}
        }
        reasons = Counter(self.reasons) + Counter(other.reasons)
        return LabelCounts(**sums, stored=self.stored or other.stored, reasons=dict(reasons.most_common()))

    def as_json(self) -> dict[str, Any]:
        """Return the counts by name."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """The counts in one line."""
        parts = [
            describe_count(self.labels, "label"),
            f"{self.matched:,} matched",
            f"{self.unknown:,} unknown",
            f"{self.corrected:,} corrected",
            f"{self.repeated:,} repeated",
            f"{self.refused:,} refused",
        ]
        if self.early:
            parts.insert(3, f"{self.early:,} observed before their request")
        if self.lost_offsets:
            parts.append(describe_count(self.lost_offsets, "offset") + " deleted before reading")
        reasons = "; ".join(f"{count:,} because {reason}" for reason, count in self.reasons.items())
        nothing = "" if self.stored else "; nothing new was stored"
        return ", ".join(parts) + (f" ({reasons})" if reasons else "") + nothing


NO_LABELS = LabelCounts(0, 0, 0, 0, 0, 0, 0, stored=False)


def take_labels(
    table: pl.DataFrame,
    contract: Contract,
    *,
    rows: RowStore,
    labels: LabelStore,
    now: dt.datetime,
    columns: LabelColumns | None = None,
) -> tuple[LabelCounts, pl.DataFrame]:
    """Check labels, store those that say something new, and count what became of them.

    A label that repeats what is known changes nothing, so that the same table may be given twice, or a longer one each
    day. To set a row back to a value that it had, a label needs the time at which that was observed.

    Args:
        table: Raw rows (n), of any dtypes.
        contract: The contract of the model.
        rows: The rows that the model has scored.
        labels: Where labels are stored.
        now: The time, with a time zone.
        columns: Names of the table's columns.

    Returns:
        The counts, and the refused rows with the reason of each in the last column.

    Raises:
        InputError: If a column is absent.
        StoreError: If the store fails.
    """
    checked = check_labels(table, contract, now=now, columns=columns)
    accepted, by = checked.labels, checked.by
    known = labels.read().get(tuple(by))
    repeated = find_repeated(known, accepted, by)
    new = accepted.filter(~repeated)
    matched, early = count_matches(rows, with_receipt(accepted, now), by, contract)
    corrected = count_corrected(known, new, by)
    stored = labels.write(new, now=now)
    counts = LabelCounts(
        labels=table.height,
        matched=matched,
        unknown=accepted.height - matched,
        early=early,
        corrected=corrected,
        repeated=accepted.height - new.height,
        refused=checked.refused.height,
        stored=stored,
        reasons=count_reasons(checked.refused),
    )
    return counts, checked.refused
