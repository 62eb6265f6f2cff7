"""The contents of a table's profile, before it is drawn."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["number", "category", "time", "text", "hidden", "empty"]


@dataclass(frozen=True)
class ValueGroup:
    """Rows that share a value, or a range of values, of a column.

    Attributes:
        label: The value or the range, as text.
        rows: How many of the sampled rows are in it.
        share: ``rows`` as a share of the sampled rows, 0 to 1.
        target: Mean of the target's parts (see ``Table.parts``) over the rows; empty without a target.
    """

    label: str
    rows: int
    share: float
    target: tuple[float, ...] = ()


@dataclass(frozen=True)
class ColumnFacts:
    """One column.

    Attributes:
        name: Name in the table.
        dtype: Type by the contract.
        role: Role by the contract.
        kind: How it is shown; ``hidden`` for personal data and identifiers.
        missing: Rows without a value, over the whole table.
        share_missing: The same as a share, 0 to 1.
        distinct: Different values in the sample; -1 if they were not counted.
        facts: Pairs of a name and a text, such as ("median", "54").
        histogram: Rows by bin of equal width, for numbers and times.
        ends: Texts of the smallest and the largest value, where there is a histogram.
        groups: The most frequent values of a category; bins of about equal size of a number or time.
        missing_blocks: Share of missing values in consecutive blocks of rows.
        strength: Correlation ratio with the target, 0 to 1; -1 if unknown.
        note: A sentence about it; may be empty.
        unit: Unit of the values.
        thumbnails: Some of its pictures, as PNG in base64.
    """

    name: str
    dtype: str
    role: str
    kind: Kind
    missing: int
    share_missing: float
    distinct: int = -1
    facts: tuple[tuple[str, str], ...] = ()
    histogram: tuple[int, ...] = ()
    ends: tuple[str, str] = ("", "")
    groups: tuple[ValueGroup, ...] = ()
    missing_blocks: tuple[float, ...] = ()
    strength: float = -1.0
    note: str = ""
    unit: str = ""
    thumbnails: tuple[str, ...] = ()


@dataclass(frozen=True)
class AssociationMatrix:
    """A symmetric matrix (p, p) of associations; NaN where one is undefined."""

    names: tuple[str, ...] = ()
    values: tuple[tuple[float, ...], ...] = ()

    def strongest(self, limit: int = 10, least: float = 0.3) -> list[tuple[str, str, float]]:
        """Return the pairs with the largest absolute values, largest first."""
        pairs = [
            (self.names[i], self.names[j], self.values[i][j])
            for i in range(len(self.names))
            for j in range(i)
            if abs(self.values[i][j]) >= least
        ]
        return sorted(pairs, key=lambda pair: (-abs(pair[2]), pair))[:limit]


@dataclass(frozen=True)
class TableFacts:
    """One table.

    Attributes:
        rows: Rows of the whole table.
        sampled: Rows that distributions and associations were computed from.
        columns: Columns that are shown in detail, strongest association with the target first.
        others: Name, type, role, missing rows of every further column, in table order.
        numbers: Rank correlations of the numeric columns.
        categories: Cramer's V of the categorical columns.
        target: Name of the target; empty without one.
        task: Task by the contract; empty without one.
        parts: Names of the target's parts: the class or classes whose share is shown, or ("mean",).
        overall: Mean of each part over the sample.
    """

    rows: int
    sampled: int
    columns: tuple[ColumnFacts, ...]
    others: tuple[tuple[str, str, str, int], ...] = ()
    numbers: AssociationMatrix = field(default_factory=AssociationMatrix)
    categories: AssociationMatrix = field(default_factory=AssociationMatrix)
    target: str = ""
    task: str = ""
    parts: tuple[str, ...] = ()
    overall: tuple[float, ...] = ()

    @property
    def ranked(self) -> list[ColumnFacts]:
        """Columns with a known association with the target, strongest first."""
        return [c for c in self.columns if c.strength >= 0]
