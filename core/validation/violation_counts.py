"""Counts of rows and rule violations; the counts of blocks add up to the counts of the table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.core.validation.row_rules import Rule

EXAMPLES = 5


@dataclass(frozen=True)
class ViolationExample:
    """One value that breaks a rule.

    Attributes:
        row: Number of the row in the table, starting at 1.
        value: The raw value; empty for personal data, which are never shown.
    """

    row: int
    value: str


@dataclass(frozen=True)
class ViolationCounts:
    """The counts of some rows; ``+`` adds two of them.

    Attributes:
        rows: Number of rows read.
        quarantined: Number of rows quarantined.
        broken: Number of rows that break a rule, by rule and column.
        examples: At most five violations of each rule.
        missing: Missing values by column.
        least: Least value by feature; None without values.
        most: Largest value by feature.
        classes: Rows by class of the target, valid rows only; empty for a regression.
        unknown: Columns that are not in the contract.
    """

    rows: int = 0
    quarantined: int = 0
    broken: Mapping[Rule, int] = field(default_factory=dict)
    examples: Mapping[Rule, tuple[ViolationExample, ...]] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    least: Mapping[str, Any] = field(default_factory=dict)
    most: Mapping[str, Any] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def valid(self) -> int:
        """Number of valid rows."""
        return self.rows - self.quarantined

    def __add__(self, other: Self) -> "ViolationCounts":
        return ViolationCounts(
            rows=self.rows + other.rows,
            quarantined=self.quarantined + other.quarantined,
            broken=Counter(self.broken) + Counter(other.broken),
            examples={
                rule: (*self.examples.get(rule, ()), *other.examples.get(rule, ()))[:EXAMPLES]
                for rule in {**self.examples, **other.examples}
            },
            missing=Counter(self.missing) + Counter(other.missing),
            least=_merge(self.least, other.least, min),
            most=_merge(self.most, other.most, max),
            classes=Counter(self.classes) + Counter(other.classes),
            unknown=tuple(dict.fromkeys((*self.unknown, *other.unknown))),
        )


def _merge(one: Mapping[str, Any], two: Mapping[str, Any], choose: Any) -> dict[str, Any]:
    merged = dict(one)
    for name, value in two.items():
        if value is not None:
            merged[name] = value if merged.get(name) is None else choose(merged[name], value)
    return merged
