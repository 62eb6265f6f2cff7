"""What was measured of a model's robustness: a part of the documents ``evaluation.json`` and ``metrics.json``.

Every change is given as a share of a column's range: the distance between the 1st and the 99th percentile of its
training rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from headrace.core.base.json_document import ABSENT_AS_EMPTY
from headrace.core.statistics.measures import Interval

Extent = Literal["off", "quick", "full"]
GATE_CHANGE = 0.05
"""The change, as a share of a column's range, that a bound of the gate is about."""
GATE_NOISE = 0.1
"""The level of the noise that a bound of the gate is about."""

SearchMethod = Literal["coordinate search", "coordinate search and gradients"]


@dataclass(frozen=True)
class ColumnRange:
    """The range of a column of numbers.

    Attributes:
        low: 1st percentile of the training rows, in the column's unit.
        high: 99th percentile.
    """

    low: float
    high: float


@dataclass(frozen=True)
class FlipShare:
    """Share of the rows whose decision some change within a limit flips, all columns together.

    Attributes:
        within: Largest change of each column, as a share of its range.
        share: Share of the rows.
    """

    within: float
    share: Interval


@dataclass(frozen=True)
class ColumnFlips:
    """Share of the rows whose decision a change of one column alone flips.

    Attributes:
        column: Name of the column.
        within_tenth: Share of the rows by a change of at most a tenth of its range; absent for a column of categories.
        at_all: Share of the rows by any change that was tried inside the contract's bounds.
    """

    column: str
    at_all: float
    within_tenth: float | None = None


@dataclass(frozen=True)
class SmallChanges:
    """How small a change of the inputs that a client controls flips the decision.

    A search finds an upper bound: a smaller change than the one found may exist.

    Attributes:
        rows: Number of test rows that were examined.
        method: How changes were searched.
        columns: Columns of numbers that were changed, inside the contract's bounds.
        amount: By how much a prediction must move to count, in the target's unit; absent for a classification, where
            another class counts.
        flips: Shares of the rows by the largest change.
        median_change: Change that flips half of the rows, with all columns changed at once; absent if fewer flip.
        weakest: Columns of numbers by the share of rows that each alone flips, the largest first.
        categories: The same of columns of categories.
    """

    rows: int
    method: SearchMethod
    columns: tuple[str, ...]
    flips: tuple[FlipShare, ...]
    weakest: tuple[ColumnFlips, ...]
    categories: tuple[ColumnFlips, ...]
    amount: float | None = None
    median_change: float | None = None

    def share_within(self, within: float) -> Interval | None:
        """Return the share of the rows that changes of at most ``within`` flip; None if it was not measured."""
        return next((flip.share for flip in self.flips if flip.within == within), None)


@dataclass(frozen=True)
class NoiseMeasures:
    """The metrics where noise is added to every column of numbers.

    Attributes:
        level: Standard deviation of the noise, as a share of each column's range.
        metrics: Value and interval by name of the metric.
    """

    level: float
    metrics: Mapping[str, Interval]


@dataclass(frozen=True)
class MissingInputs:
    """How much worse the main metric is where inputs are missing from every row.

    Attributes:
        columns: Names of the missing inputs.
        worse_by: How much worse the metric is, in its own unit; negative if it is better.
        flipped: Share of the rows whose decision changes.
        refused: Whether the contract refuses such a row, so that the model never sees it.
    """

    columns: tuple[str, ...]
    worse_by: Interval
    flipped: float
    refused: bool


@dataclass(frozen=True)
class UnitFault:
    """What becomes of the rows where one column comes in a wrong unit.

    Attributes:
        column: Name of the column.
        fault: What is done to its values, such as ``times 1000``.
        refused: Share of the rows that the contract refuses, because the value is out of its range.
        unnoticed: Share of the rows that it accepts, and whose decision changes.
    """

    column: str
    fault: str
    refused: float
    unnoticed: float


@dataclass(frozen=True)
class Robustness:
    """How a model's decisions change with its inputs.

    Attributes:
        extent: How much was measured, ``quick`` or ``full``.
        rows: Number of test rows of noise, missing inputs and wrong units.
        metric: The metric that missing inputs make worse.
        left_out: Number of inputs that were not examined one by one, because there are too many.
        small_changes: How small a change flips a decision; empty if no client controls a column of numbers.
        noise: The metrics by the level of the noise, from none on; empty without columns of numbers.
        missing: Single inputs, and pairs of the worst ones, the worst first.
        wrong_units: Columns in a wrong unit, the worst first.
        ranges: Range of each column of numbers that varies, by its name; personal columns are left out.
    """

    extent: Extent
    rows: int
    metric: str
    left_out: int
    small_changes: SmallChanges | None = field(metadata=ABSENT_AS_EMPTY)
    noise: tuple[NoiseMeasures, ...]
    missing: tuple[MissingInputs, ...]
    wrong_units: tuple[UnitFault, ...]
    ranges: Mapping[str, ColumnRange]


@dataclass(frozen=True)
class FlipComparison:
    """Shares of the same rows whose decision small changes flip, of two models.

    Attributes:
        rows: Number of rows.
        within: Largest change of each column, as a share of its range.
        candidate: The first model's share.
        champion: The second model's share.
        difference: The first minus the second, with its 95 % interval.
    """

    rows: int
    within: float
    candidate: float
    champion: float
    difference: Interval
