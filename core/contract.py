"""The data contract: one document that training and serving both read.

Inferred once, edited by people, enforced at ingest and at the endpoint, carried inside the bundle.
"""

import functools
from dataclasses import dataclass, field

from headrace.core.contract_rules import check_column, check_contract, check_feature
from headrace.core.marks import DEFAULT
from headrace.core.terms import SEVERITIES, Dtype, FeatureKind, Grouping, Personal, Role, Severity, Task, Unseen

__all__ = [
    "SEVERITIES",
    "Column",
    "Contract",
    "Dtype",
    "FeatureKind",
    "Grouping",
    "Personal",
    "Role",
    "RowFeature",
    "Severity",
    "Task",
    "Unseen",
]


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        name: Name as it stands in the table's header.
        dtype: ``integer``, ``number``, ``string``, ``boolean`` or ``timestamp`` (naive, microseconds).
        role: What the column is for; only ``feature`` columns reach the model as they are. A ``timestamp`` reaches it
            through row features.
        description: What a person should know.
        unit: Physical unit of the values, free text.
        minimum: Least allowed value of a number, in ``unit``; None for no bound.
        maximum: Largest allowed value of a number, in ``unit``; None for no bound.
        categories: Allowed values as text, in order; None for no list.
        unseen: Whether a text that is none of the categories is refused, or accepted as one unknown to the model.
        missing: Largest allowed share of missing values, 0 to 1.
        personal: How personal data are treated; empty if the column holds none.
        format: How a timestamp is written where it is text, in the directives of strftime; empty for ISO 8601.
        meant: Whether a feature may tell the target by itself: it is known when a prediction is made, and no leak.
    """

    name: str
    dtype: Dtype
    role: Role = "feature"
    description: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    unseen: Unseen = "refuse"
    missing: float = 1.0
    personal: Personal = ""
    format: str = ""
    meant: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no table could meet.

        Raises:
            InputError: If a value is unknown or contradicts another.
        """
        check_column(self)


@dataclass(frozen=True)
class RowFeature:
    """A column computed from others of the same row, in training and in serving alike.

    Attributes:
        name: Name of the new column.
        kind: ``day_of_week`` (1 Monday to 7 Sunday), ``weekend`` (0 or 1), ``month``, ``hour``, ``holiday`` (0 or 1),
            ``elapsed`` (minutes from the first column to the second), ``ratio`` (first by second, missing where the
            second is 0) or ``product``.
        columns: The columns it is made of, in order.
        country: ISO 3166 code of the country, for ``holiday``.
    """

    name: str
    kind: FeatureKind
    columns: tuple[str, ...]
    country: str = ""

    def __post_init__(self) -> None:
        """Refuse a feature that could not be computed from any table.

        Raises:
            InputError: If a value is unknown or contradicts another.
        """
        check_feature(self)


@dataclass(frozen=True)
class Contract:
    """What a table must be.

    Attributes:
        name: Name of the table and of the model made from it: lower case letters, digits and dashes, at most 40.
        task: What is predicted from it.
        columns: All columns, in the order of the table.
        features: Row features, in order.
        keys: Columns that together identify a row; empty if none do.
        missing_values: Texts that stand for a missing value, except in columns that list them as categories.
        rules: Severity by rule, where it differs from ``SEVERITIES``.
        max_quarantined: Largest share of rows that may be quarantined, 0 to 1.
        positive: The class whose probability is reported, for a binary task.
        time_column: Timestamp by which the table is split, the latest rows for the test; empty for another split.
        group: ``inputs`` if rows with equal inputs stay on one side of a split, drawn without the target; else empty. A
            column of role ``group`` does the same by its values.
    """

    name: str
    task: Task
    columns: tuple[Column, ...]
    features: tuple[RowFeature, ...] = ()
    keys: tuple[str, ...] = ()
    missing_values: tuple[str, ...] = DEFAULT
    rules: dict[str, Severity] = field(default_factory=dict)
    max_quarantined: float = 0.2
    positive: str = ""
    time_column: str = ""
    group: Grouping = ""

    def __post_init__(self) -> None:
        """Refuse a contract whose parts contradict one another.

        Raises:
            InputError: If they do; the message names the place.
        """
        check_contract(self)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: If the contract has none.
        """
        return self._by_name[name]

    @functools.cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """Names of all columns."""
        return frozenset(self._by_name)

    @property
    def target(self) -> Column:
        """The column that is predicted."""
        return next(column for column in self.columns if column.role == "target")

    @property
    def inputs(self) -> tuple[Column, ...]:
        """Columns that a client must send: features, and whatever the row features are made of."""
        needed = {name for feature in self.features for name in feature.columns}
        return tuple(c for c in self.columns if c.role == "feature" or c.name in needed)

    @property
    def kept(self) -> tuple[Column, ...]:
        """Columns of the typed table: all but the personal data that are dropped."""
        return tuple(column for column in self.columns if column.personal != "drop")

    @functools.cached_property
    def marked(self) -> tuple[str, ...]:
        """Columns that list a text among their categories which elsewhere stands for a missing value."""
        marks = set(self.missing_values)
        return tuple(column.name for column in self.columns if marks.intersection(column.categories or ()))

    def severity(self, rule: str) -> Severity:
        """What happens when ``rule`` is broken."""
        return self.rules.get(rule, SEVERITIES[rule])
