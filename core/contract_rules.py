"""What makes a contract sound; each fault is one sentence that names its place."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, get_args

from headrace.core import terms
from headrace.core.errors import InputError, shown
from headrace.core.notation import notation_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from headrace.core.contract import Column, Contract, RowFeature

NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_TIMES = ("day_of_week", "weekend", "month", "hour", "holiday")
_NUMERIC = ("integer", "number", "boolean")


def wants(what: str, must: str, got: object) -> str:
    """The suite's one sentence for a wrong value."""
    return f"{what} must be {must}; got {shown(got)} instead."


def _one_of(what: str, kind: object, value: object) -> Iterator[str]:
    allowed = get_args(kind)
    if value not in allowed:
        yield wants(what, "one of " + ", ".join(repr(item) for item in allowed if item), value)


def column_faults(column: Column) -> Iterator[str]:
    """Everything that is wrong with one column taken alone."""
    if not column.name:
        yield wants("name", "a text that is not empty", column.name)
    yield from _one_of("dtype", terms.Dtype, column.dtype)
    yield from _one_of("role", terms.Role, column.role)
    yield from _one_of("personal", terms.Personal, column.personal)
    if column.meant and column.role != "feature":
        yield wants("meant", f"absent from a column of role {column.role}", column.meant)
    if not 0 <= column.missing <= 1:
        yield wants("missing", "a share from 0 to 1", column.missing)
    yield from _bound_faults(column)
    yield from _category_faults(column)
    yield from _role_faults(column)


def _bound_faults(column: Column) -> Iterator[str]:
    for what, bound in (("minimum", column.minimum), ("maximum", column.maximum)):
        if bound is not None and not math.isfinite(bound):
            yield wants(what, "a finite number", bound)
        if bound is not None and column.dtype not in {"integer", "number"}:
            yield wants(what, f"absent from a column of dtype {column.dtype}", bound)
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        yield wants("minimum", f"at most the maximum {column.maximum:g}", column.minimum)


def _category_faults(column: Column) -> Iterator[str]:
    yield from _one_of("unseen", terms.Unseen, column.unseen)
    if column.unseen == "accept" and (column.categories is None or column.dtype != "string" or column.role == "target"):
        yield wants("unseen", "'refuse' unless the column is a text with categories and not the target", column.unseen)
    if column.categories is None:
        return
    if not column.categories:
        yield wants("categories", "a list of at least one text, or absent", [])
    if column.dtype == "timestamp":
        yield wants("categories", "absent from a timestamp", list(column.categories[:3]))
    if column.dtype == "number" and column.role != "target":
        yield wants("categories", "absent from a number; use dtype string", list(column.categories[:3]))
    kind = {"integer": int, "number": float}.get(column.dtype)
    for text in column.categories if kind else ():
        try:
            kind(text)  # type: ignore[misc]
        except ValueError:
            yield wants("categories", f"a list of {column.dtype} texts", text)
    twice = [value for value, count in Counter(column.categories).items() if count > 1]
    if twice:
        yield wants("categories", "different from one another", twice[:3])


def _role_faults(column: Column) -> Iterator[str]:
    yield from _format_faults(column)
    if column.role == "feature" and column.dtype == "timestamp":
        yield "role must not be 'feature' for a timestamp; use 'timestamp' and declare row features of it."
    if column.role == "timestamp" and column.dtype != "timestamp":
        yield wants("dtype", "timestamp for the role 'timestamp'", column.dtype)
    if column.role == "target" and column.dtype == "timestamp":
        yield wants("dtype", "a number, text or boolean for the target", column.dtype)
    if column.role == "feature" and column.dtype == "string" and column.categories is None:
        yield "categories must be listed for a text feature; list them, or use the role 'ignore'."
    if column.personal == "drop" and column.role != "ignore":
        yield wants("role", "'ignore' for personal data that are dropped", column.role)
    if column.personal == "hash" and column.role not in {"ignore", "id", "group"}:
        yield wants("role", "'ignore', 'id' or 'group' for personal data that are hashed", column.role)
    if column.personal == "hash" and (column.dtype != "string" or column.categories is not None):
        yield "dtype must be string, without categories, for personal data that are hashed."


def _format_faults(column: Column) -> Iterator[str]:
    if column.format and column.dtype in {"integer", "number"}:
        try:
            notation_of(column.format)
        except InputError as error:
            yield str(error)
    elif column.format and column.dtype != "timestamp":
        yield wants("format", f"absent from a column of dtype {column.dtype}", column.format)


def feature_faults(feature: RowFeature) -> Iterator[str]:
    """Everything that is wrong with one row feature taken alone."""
    if not feature.name:
        yield wants("name", "a text that is not empty", feature.name)
    yield from _one_of("kind", terms.FeatureKind, feature.kind)
    wanted = 1 if feature.kind in _TIMES else 2
    if len(feature.columns) != wanted:
        yield wants("columns", f"a list of {wanted} for {feature.kind}", list(feature.columns))
    if feature.kind == "holiday":
        from headrace.core.calendars import is_country  # noqa: PLC0415 - 0.2 s that few contracts need

        if not is_country(feature.country):
            yield wants("country", "an ISO 3166 code whose holidays are known, such as US", feature.country)
    elif feature.country:
        yield wants("country", f"absent from a feature of kind {feature.kind}", feature.country)


def contract_faults(contract: Contract) -> Iterator[str]:
    """Everything in which the parts of a contract contradict one another."""
    if not NAME.fullmatch(contract.name):
        yield wants(
            "name",
            "lower case letters, digits and dashes, a letter first and no dash last, at most 40",
            contract.name,
        )
    yield from _one_of("task", terms.Task, contract.task)
    if not 0 <= contract.max_quarantined <= 1:
        yield wants("max_quarantined", "a share from 0 to 1", contract.max_quarantined)
    for rule, severity in contract.rules.items():
        if rule not in terms.SEVERITIES:
            yield wants("rules", "of " + ", ".join(terms.SEVERITIES), rule)
        yield from _one_of(f"rules.{rule}", terms.Severity, severity)
        if severity == "quarantine" and rule not in terms.ROW_RULES:
            yield wants(f"rules.{rule}", "off, warn or stop, for it is about more than one row", severity)
    yield from _name_faults(contract)
    yield from _target_faults(contract)
    yield from _made_faults(contract)


def _name_faults(contract: Contract) -> Iterator[str]:
    names = Counter([column.name for column in contract.columns] + [made.name for made in contract.features])
    for name, count in names.items():
        if count > 1:
            yield wants("columns and features", "named differently from one another", name)
    known = {column.name: column for column in contract.columns}
    for key in contract.keys:
        if key not in known:
            yield wants("keys", "names of columns", key)
        elif known[key].personal == "drop":
            yield wants("keys", "columns that are not dropped", key)
    if contract.time_column and (contract.time_column not in known or known[contract.time_column].role != "timestamp"):
        yield wants("time_column", "the name of a column of role timestamp", contract.time_column)
    groups = [column.name for column in contract.columns if column.role == "group"]
    if len(groups) > 1:
        yield wants("columns", "of role group at most once", groups)
    yield from _one_of("group", terms.Grouping, contract.group)
    if contract.group and groups:
        yield wants("group", f"absent beside the column {groups[0]} of role group", contract.group)


def _target_faults(contract: Contract) -> Iterator[str]:
    targets = [column for column in contract.columns if column.role == "target"]
    if len(targets) != 1:
        yield wants("columns", "of role target exactly once", [column.name for column in targets])
        return
    target = targets[0]
    classes = target.categories or ()
    if contract.task == "regression":
        if target.dtype not in {"integer", "number"} or classes:
            yield wants(f"the target {target.name}", "a number without categories for a regression", target.dtype)
        if contract.positive:
            yield wants("positive", "absent from a regression", contract.positive)
    elif contract.task == "binary" and len(classes) != 2:
        yield wants(f"the target {target.name}", "of two categories for a binary task", list(classes))
    elif contract.task == "multiclass" and len(classes) < 3:
        yield wants(f"the target {target.name}", "of three or more categories", list(classes))
    if contract.positive and contract.task == "multiclass":
        yield wants("positive", "absent from a multiclass task", contract.positive)
    if contract.task == "binary" and contract.positive and contract.positive not in classes:
        yield wants("positive", f"one of the classes {list(classes)}", contract.positive)


def _made_faults(contract: Contract) -> Iterator[str]:
    known = {column.name: column for column in contract.columns}
    for place, made in enumerate(contract.features):
        where = f"features[{place}] ({made.name})"
        wanted = _NUMERIC if made.kind in {"ratio", "product"} else ("timestamp",)
        for name in made.columns:
            column = known.get(name)
            if column is None:
                yield f"{where}: " + wants("columns", "names of columns of the table", name)
            elif column.role == "target" or column.personal in {"drop", "hash"}:
                yield f"{where}: " + wants("columns", "neither the target nor hidden personal data", name)
            elif column.dtype not in wanted:
                yield f"{where}: " + wants("columns", f"of dtype {' or '.join(wanted)}", f"{name}: {column.dtype}")


def _raise_first(prefix: str, faults: Iterable[str]) -> None:
    for fault in faults:
        raise InputError(f"{prefix}: {fault}")


def check_column(column: Column) -> None:
    """Raise the first fault of a column as an ``InputError``."""
    _raise_first(f"column {column.name}", column_faults(column))


def check_feature(feature: RowFeature) -> None:
    """Raise the first fault of a row feature as an ``InputError``."""
    _raise_first(f"feature {feature.name}", feature_faults(feature))


def check_contract(contract: Contract) -> None:
    """Raise the first fault of a contract as an ``InputError``."""
    _raise_first(f"contract {contract.name}", contract_faults(contract))
