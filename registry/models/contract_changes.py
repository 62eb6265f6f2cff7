"""Differences between two versions of a model for its clients: the contract first, then the metrics.

A change is *breaking* if a request that was accepted may now be refused or misread, or if the response means something
else. It is *additive* if more is accepted, or if the model is built differently. They determine the semantic version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from headrace.core.contracts.contract import Column, Contract
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER, MAIN
from headrace.registry.models.semver import Level

Kind = Literal["breaking", "additive"]
Metrics = Mapping[str, Mapping[str, float]]

# Inferred bounds move with the data; this share of the old range may be lost before the change counts as breaking.
SLACK = 0.1
_REFUSES = ("quarantine", "stop")


@dataclass(frozen=True)
class ContractChange:
    """One difference between two contracts or their metrics.

    Attributes:
        kind: ``breaking`` or ``additive``.
        text: Description, as a clause.
    """

    kind: Kind
    text: str


def level(old: Contract, new: Contract, *, before: Metrics, after: Metrics) -> tuple[Level, tuple[str, ...]]:
    """Return which number of the semantic version to raise, and why.

    Args:
        old: Contract of the version before.
        new: Contract of the new version.
        before: Metrics of the version before, each with ``value``, ``low`` and ``high``.
        after: Metrics of the new version.

    Returns:
        ``major`` for a breaking change of the contract; ``minor`` for an additive one, or for a main metric whose
        interval does not overlap the old one; else ``patch``. The reasons are clauses.
    """
    changes = list(differences(old, new))
    breaking = tuple(change.text for change in changes if change.kind == "breaking")
    if breaking:
        return "major", breaking
    reasons = tuple(change.text for change in changes)
    moved = moved_metric(new, before=before, after=after)
    if moved:
        reasons = (*reasons, moved)
    return ("minor", reasons) if reasons else ("patch", ())


def moved_metric(contract: Contract, *, before: Metrics, after: Metrics) -> str:
    """Return how the main metric changed, if its intervals do not overlap; empty otherwise, or if unknown."""
    name = MAIN[contract.task]
    old, new = before.get(name), after.get(name)
    if not old or not new or (new["low"] <= old["high"] and old["low"] <= new["high"]):
        return ""
    rises = new["value"] > old["value"]
    direction = "better" if rises == HIGHER_IS_BETTER[name] else "worse"
    return f"{name} is clearly {direction}: {new['value']:.4g} after {old['value']:.4g}"


def differences(old: Contract, new: Contract) -> Iterator[ContractChange]:
    """Yield every difference that a client or a reviewer of the model should know."""
    yield from _answers(old, new)
    yield from _inputs(old, new)
    yield from _severities(old, new)
    if old.features != new.features:
        yield ContractChange("additive", "the row features are others")


def _answers(old: Contract, new: Contract) -> Iterator[ContractChange]:
    if old.task != new.task:
        yield ContractChange("breaking", f"the task is {new.task} instead of {old.task}")
        return
    if old.task == "anomaly":
        return  # labels are no part of an answer
    if old.target.name != new.target.name:
        yield ContractChange("breaking", f"the target is {new.target.name} instead of {old.target.name}")
    if old.target.unit != new.target.unit:
        yield ContractChange(
            "breaking", f"the target's unit is {new.target.unit or 'none'} instead of {old.target.unit or 'none'}"
        )
    removed, added = _sets(old.target.categories, new.target.categories)
    class_changes = [f"{label}: {_some(values)}" for label, values in (("gone", removed), ("new", added)) if values]
    if class_changes:
        yield ContractChange("breaking", f"the classes are others ({'; '.join(class_changes)})")
    if old.positive != new.positive:
        yield ContractChange(
            "breaking", f"the positive class is {new.positive or 'none'} instead of {old.positive or 'none'}"
        )


def _inputs(old: Contract, new: Contract) -> Iterator[ContractChange]:
    before, after = ({column.name: column for column in contract.inputs} for contract in (old, new))
    for name in after:
        if name not in before:
            yield ContractChange("breaking", f"the input {name} is new")
    for name in before:
        if name not in after:
            yield ContractChange("breaking", f"the input {name} is gone")
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield ContractChange("breaking", "the inputs are in another order, which rows sent as arrays follow")
    for name in common:
        yield from _column(before[name], after[name], new)


def _column(old: Column, new: Column, contract: Contract) -> Iterator[ContractChange]:
    if old.dtype != new.dtype:
        wider = (old.dtype, new.dtype) == ("integer", "number")
        yield ContractChange("additive" if wider else "breaking", f"{new.name} is {new.dtype} instead of {old.dtype}")
        return
    for part in ("unit", "format"):
        if getattr(old, part) != getattr(new, part):
            yield ContractChange(
                "breaking",
                f"the {part} of {new.name} is {getattr(new, part) or 'none'} instead of {getattr(old, part) or 'none'}",
            )
    yield from _range(old, new, contract)
    yield from _categories(old, new, contract)
    if (new.missing == 0) != (old.missing == 0):
        tighter = new.missing == 0 and contract.severity("missing") in _REFUSES
        yield ContractChange(
            "breaking" if tighter else "additive", f"{new.name} {'must not' if new.missing == 0 else 'may'} be missing"
        )


def _range(old: Column, new: Column, contract: Contract) -> Iterator[ContractChange]:
    if (old.minimum, old.maximum) == (new.minimum, new.maximum):
        return
    narrower = _lost_share(old, new) > SLACK and contract.severity("range") in _REFUSES
    spans = [f"{_bound(c.minimum)} to {_bound(c.maximum)}" for c in (new, old)]
    yield ContractChange(
        "breaking" if narrower else "additive", f"the range of {new.name} is {spans[0]} instead of {spans[1]}"
    )


def _lost_share(old: Column, new: Column) -> float:
    """Return the share of the old range that is no longer allowed; 1 if an open end got a bound."""
    low = -inf if old.minimum is None else old.minimum
    high = inf if old.maximum is None else old.maximum
    cut = 0.0 if new.minimum is None else max(0.0, new.minimum - low)
    cut += 0.0 if new.maximum is None else max(0.0, high - new.maximum)
    width = high - low
    if not cut:
        return 0.0
    return cut / width if 0 < width < inf else 1.0


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _categories(old: Column, new: Column, contract: Contract) -> Iterator[ContractChange]:
    if old.categories == new.categories:
        return
    if old.categories is None or new.categories is None:
        listed = new.categories is not None
        tight = listed and contract.severity("category") in _REFUSES
        yield ContractChange(
            "breaking" if tight else "additive",
            f"the values of {new.name} are {'now' if listed else 'no longer'} listed",
        )
        return
    removed, added = _sets(old.categories, new.categories)
    if removed:
        tight = contract.severity("category") in _REFUSES
        yield ContractChange("breaking" if tight else "additive", f"{new.name} no longer takes {_values(removed, new)}")
    if added:
        yield ContractChange("additive", f"{new.name} also takes {_values(added, new)}")


def _severities(old: Contract, new: Contract) -> Iterator[ContractChange]:
    for rule in ("type", "finite", "range", "category", "missing", "columns", "unknown_columns"):
        refused, refuses = old.severity(rule) in _REFUSES, new.severity(rule) in _REFUSES
        if refused != refuses:
            yield ContractChange(
                "breaking" if refuses else "additive", f"the rule {rule} now {'refuses' if refuses else 'only warns'}"
            )


def _sets(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> tuple[list[str], list[str]]:
    first, second = old or (), new or ()
    return [value for value in first if value not in second], [value for value in second if value not in first]


def _values(values: list[str], column: Column) -> str:
    """Return values for a message: for personal data, only their number."""
    return f"{len(values)} values" if column.personal else _some(values)


def _some(values: list[str]) -> str:
    more = f" and {len(values) - 3} more" if len(values) > 3 else ""
    return ", ".join(values[:3]) + more


def facts(changes: list[ContractChange]) -> list[dict[str, Any]]:
    """Return the changes as plain values for JSON."""
    return [{"kind": change.kind, "text": change.text} for change in changes]
