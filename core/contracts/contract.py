"""The data contract: one document that training and serving both read.

It is inferred once, edited by people, enforced at ingest and at the endpoint, and part of the bundle.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace.core.base.errors import InputError
from headrace.core.contracts import vocabulary
from headrace.core.contracts.aims import aim_faults
from headrace.core.contracts.columns import Column, RowFeature
from headrace.core.contracts.fault_sentences import check_one_of, must_be, raise_first
from headrace.core.contracts.series import Series
from headrace.core.contracts.vocabulary import (
    SEVERITIES,
    Dtype,
    FeatureKind,
    Grouping,
    Objective,
    Personal,
    Role,
    Severity,
    Task,
    Unseen,
)
from headrace.core.values.missing_marks import DEFAULT

__all__ = [
    "SEVERITIES",
    "Column",
    "Contract",
    "Dtype",
    "FeatureKind",
    "Grouping",
    "Objective",
    "Personal",
    "Role",
    "RowFeature",
    "Severity",
    "Task",
    "Unseen",
    "contract_faults",
]

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_NUMERIC = ("integer", "number", "boolean")


@dataclass(frozen=True)
class Contract:
    """What a valid table looks like.

    Attributes:
        name: Name of the table and of the model made from it: lower case letters, digits and dashes, at most 40.
        task: The kind of prediction. An ``anomaly`` task needs no target; one that is named holds the few labels.
        columns: All columns, in the order of the table.
        features: Row features, in order.
        keys: Columns that together identify a row; empty if there are none.
        missing_values: Texts that mean a missing value, except in columns that list them as categories.
        rules: Severity by rule, where it differs from ``SEVERITIES``.
        max_quarantined: Largest share of rows that may be quarantined, 0 to 1.
        positive: The class whose probability is reported, for a binary task; the class of anomalies, for an anomaly
            task with labels.
        time_column: Timestamp by which the table is split, the latest rows for the test; empty for another split.
        group: ``inputs`` if rows with equal inputs stay on one side of a split, drawn without the target; else empty. A
            column of role ``group`` does the same by its values.
        objective: What a regression predicts: the ``mean``, a ``quantile``, or the mean of a ``count``, a whole number
            from 0 on.
        quantile: Share of the actual values below the prediction, for the objective ``quantile``.
        intervals: Share of the actual values that the interval of an answer is to hold, above 0 and below 1, for a
            regression; 0 for answers without one.
        class_weights: Weights of the classes in the fit of a classification: ``balanced``, or weights by class, 1 for
            those that it lacks; empty for equal ones.
        series: The series whose windows the rows are, for a model of forecasts; None for rows of any other kind.
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
    objective: Objective = "mean"
    quantile: float = 0.5
    intervals: float = 0.0
    class_weights: str | dict[str, float] = ""
    series: Series | None = None

    def __post_init__(self) -> None:
        """Raise if parts of the contract contradict one another.

        Raises:
            InputError: On the first contradiction; the message names its place.
        """
        raise_first(f"contract {self.name}", contract_faults(self))

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            KeyError: If the contract has no such column.
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
        """The column that is predicted.

        Raises:
            InputError: If there is none, as an anomaly task may have none.
        """
        target = self.label_column
        if target is None:
            raise InputError(
                f"the contract {self.name} must have a column of role target for this; its task is {self.task}, "
                "without labels."
            )
        return target

    @functools.cached_property
    def label_column(self) -> Column | None:
        """The column of role target; None for an anomaly task without labels."""
        return next((column for column in self.columns if column.role == "target"), None)

    @property
    def has_ordered_classes(self) -> bool:
        """Whether the classes of the target are in order; False without a target, too."""
        return self.label_column is not None and self.label_column.ordered

    @property
    def answers_number(self) -> bool:
        """Whether the model answers a number: the target of a regression, or the score of an anomaly task."""
        return self.task in vocabulary.ANSWERS_NUMBER

    @property
    def inputs(self) -> tuple[Column, ...]:
        """Columns that a client must send: features, and the sources of the row features."""
        needed = {name for feature in self.features for name in feature.columns}
        return tuple(c for c in self.columns if c.role == "feature" or c.name in needed)

    @functools.cached_property
    def monitored_columns(self) -> tuple[Column, ...]:
        """Columns of a request that may be logged: inputs, then keys that are no inputs; none with personal data."""
        inputs = self.inputs
        keys = tuple(column for column in self.columns if column.name in self.keys and column not in inputs)
        return tuple(column for column in (*inputs, *keys) if not column.personal and column.role != "target")

    @property
    def typed_columns(self) -> tuple[Column, ...]:
        """Columns of the typed table: all but the personal data that are dropped."""
        return tuple(column for column in self.columns if column.personal != "drop")

    @functools.cached_property
    def columns_listing_marks(self) -> tuple[str, ...]:
        """Columns that list a text among their categories which means a missing value in other columns."""
        marks = set(self.missing_values)
        return tuple(column.name for column in self.columns if marks.intersection(column.categories or ()))

    def severity(self, rule: str) -> Severity:
        """Return the severity of a broken ``rule``."""
        return self.rules.get(rule, SEVERITIES[rule])

    def refuses(self, rule: str) -> bool:
        """Check whether breaking ``rule`` sets a row aside in training and refuses a request in serving."""
        return self.severity(rule) in vocabulary.REFUSING


def contract_faults(contract: Contract) -> Iterator[str]:
    """Yield a sentence for each contradiction between parts of a contract."""
    if not _NAME.fullmatch(contract.name):
        yield must_be(
            "name",
            "lower case letters, digits and dashes, a letter first and no dash last, at most 40",
            contract.name,
        )
    yield from check_one_of("task", vocabulary.Task, contract.task)
    if not 0 <= contract.max_quarantined <= 1:
        yield must_be("max_quarantined", "a share from 0 to 1", contract.max_quarantined)
    for rule, severity in contract.rules.items():
        if rule not in vocabulary.SEVERITIES:
            yield must_be("rules", "of " + ", ".join(vocabulary.SEVERITIES), rule)
        yield from check_one_of(f"rules.{rule}", vocabulary.Severity, severity)
        if severity == "quarantine" and rule not in vocabulary.ROW_RULES:
            yield must_be(f"rules.{rule}", "off, warn or stop, for it is about more than one row", severity)
    yield from _name_faults(contract)
    yield from _series_faults(contract)
    yield from _target_faults(contract)
    yield from aim_faults(contract)
    yield from _feature_errors(contract)


def _series_faults(contract: Contract) -> Iterator[str]:
    series, names = contract.series, {column.name for column in contract.columns}
    if series is None:
        return
    for name in (series.time, *series.keys, *series.known):
        if name not in names:
            yield must_be("series", "of columns of the table", name)
    if contract.task != "regression":
        yield must_be("task", "regression for a contract with a section series", contract.task)


def _name_faults(contract: Contract) -> Iterator[str]:
    names = Counter([column.name for column in contract.columns] + [feature.name for feature in contract.features])
    for name, count in names.items():
        if count > 1:
            yield must_be("columns and features", "named differently from one another", name)
    columns = {column.name: column for column in contract.columns}
    for key in contract.keys:
        if key not in columns:
            yield must_be("keys", "names of columns", key)
        elif columns[key].personal == "drop":
            yield must_be("keys", "columns that are not dropped", key)
    if contract.time_column and (
        contract.time_column not in columns or columns[contract.time_column].role != "timestamp"
    ):
        yield must_be("time_column", "the name of a column of role timestamp", contract.time_column)
    groups = [column.name for column in contract.columns if column.role == "group"]
    if len(groups) > 1:
        yield must_be("columns", "of role group at most once", groups)
    yield from check_one_of("group", vocabulary.Grouping, contract.group)
    if contract.group and groups:
        yield must_be("group", f"absent beside the column {groups[0]} of role group", contract.group)


def _target_faults(contract: Contract) -> Iterator[str]:
    targets = [column for column in contract.columns if column.role == "target"]
    if contract.task == "anomaly":
        yield from _label_faults(contract, targets)
        return
    if len(targets) != 1:
        yield must_be("columns", "of role target exactly once", [column.name for column in targets])
        return
    target = targets[0]
    classes = target.categories or ()
    if contract.task == "regression":
        if target.dtype not in {"integer", "number"} or classes:
            yield must_be(f"the target {target.name}", "a number without categories for a regression", target.dtype)
        if contract.positive:
            yield must_be("positive", "absent from a regression", contract.positive)
    elif contract.task == "binary" and len(classes) != 2:
        yield must_be(f"the target {target.name}", "of two categories for a binary task", list(classes))
    elif contract.task == "multiclass" and len(classes) < 3:
        yield must_be(f"the target {target.name}", "of three or more categories", list(classes))
    if contract.positive and contract.task == "multiclass":
        yield must_be("positive", "absent from a multiclass task", contract.positive)
    if contract.task == "binary" and contract.positive and contract.positive not in classes:
        yield must_be("positive", f"one of the classes {list(classes)}", contract.positive)


def _label_faults(contract: Contract, targets: list[Column]) -> Iterator[str]:
    if len(targets) > 1:
        yield must_be("columns", "of role target at most once", [column.name for column in targets])
        return
    classes = targets[0].categories or () if targets else ()
    if targets and len(classes) != 2:
        must = "of two categories, anomaly or not, for an anomaly task"
        yield must_be(f"the target {targets[0].name}", must, list(classes))
    elif contract.positive and contract.positive not in classes:
        must = f"one of the classes {list(classes)}" if targets else "absent from a contract without a target"
        yield must_be("positive", must, contract.positive)


def _feature_errors(contract: Contract) -> Iterator[str]:
    columns = {column.name: column for column in contract.columns}
    for place, feature in enumerate(contract.features):
        where = f"features[{place}] ({feature.name})"
        dtypes = _NUMERIC if feature.kind in {"ratio", "product"} else ("timestamp",)
        for name in feature.columns:
            column = columns.get(name)
            if column is None:
                yield f"{where}: " + must_be("columns", "names of columns of the table", name)
            elif column.role == "target" or column.personal in {"drop", "hash"}:
                yield f"{where}: " + must_be("columns", "neither the target nor hidden personal data", name)
            elif column.dtype not in dtypes:
                yield f"{where}: " + must_be("columns", f"of dtype {' or '.join(dtypes)}", f"{name}: {column.dtype}")
