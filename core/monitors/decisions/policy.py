"""The policy of a model's monitoring: which monitors are on, and what follows from them.

People write it as ``monitoring.yaml`` (``policy_yaml``) beside the contract. Its faults are those by which it could
never fire, or would always fire; they are reported before anything runs.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import digest, dumps
from headrace.core.base.json_document import JsonDocument
from headrace.core.base.quantities import describe_count
from headrace.core.monitors.reports.monitor_kinds import MONITORS, MonitorKind

FORMAT = 1
WindowLength = Literal["hour", "day", "week"]
MonitorAction = Literal["warn", "retrain", "roll_back"]
ApprovedAction = Literal["retrain", "roll_out", "roll_back", "raise_contract"]
PullOut = Literal["roll_back", "shadow", "baseline"]
RowSelection = Literal["expanding", "sliding", "weighted"]
Widening = Literal["categories", "range", "missing"]

LENGTHS: Mapping[WindowLength, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_YEAR = timedelta(days=365.25)
MOST_WINDOWS = 1_000
_MOST_DAYS = 36_500
_MOST_LABELS = 1_000_000_000
_SHARE = (0.0, 1.0)
_FROM_ZERO = (0.0, math.inf)
# Monitors whose unit alone does not say which values they can have.
_RANGES: Mapping[str, tuple[float, float]] = {
    "error_budget": (-math.inf, 1.0),
    "burn_rate": _FROM_ZERO,
    "degradation": (-math.inf, math.inf),
}


@dataclass(frozen=True)
class MonitorRule:
    """What follows from a monitor.

    Attributes:
        action: What follows when it is violated in n of k windows: ``warn``, ``retrain`` or ``roll_back``.
        minimum: Least value that does not violate it, in the unit of the monitor; absent if the monitor's own test
            decides.
        maximum: Largest value that does not violate it.
        subjects: Columns, metrics, slices, rules or objectives that count; empty for all.
    """

    action: MonitorAction = "warn"
    minimum: float | None = None
    maximum: float | None = None
    subjects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold bounds as floats, so that 1 and 1.0 give one digest."""
        for name in ("minimum", "maximum"):
            bound = getattr(self, name)
            object.__setattr__(self, name, None if bound is None else float(bound))

    def counts(self, subject: str) -> bool:
        """Return whether a result about that subject counts."""
        return not self.subjects or subject in self.subjects

    def broken_bound(self, value: float) -> float | None:
        """Return the bound that a value breaks; None if it breaks none."""
        if self.minimum is not None and value < self.minimum:
            return self.minimum
        return self.maximum if self.maximum is not None and value > self.maximum else None


@dataclass(frozen=True)
class RetrainingPolicy:
    """When a model is retrained, and on which rows.

    Attributes:
        at_least_every_days: Upper bound: it is retrained when the last training is so many days ago, whatever the
            monitors say; 0 for no upper bound.
        at_most_every_days: Lower bound: it is not retrained sooner after the last training.
        least_new_labels: Lower bound: it is not retrained on fewer new labelled rows, unless the upper bound demands
            it.
        instant_feedback: Whether labels come at once, so that a test of the new model against the old one decides in
            place of ``least_new_labels``.
        rows: ``expanding``: old and new rows; ``sliding``: those of the latest ``sliding_days``; ``weighted``: a row's
            weight halves with every ``half_life_days`` of its age.
        sliding_days: Days of rows of ``sliding``.
        half_life_days: Half-life of ``weighted``, in days.
        widen_contract: What may become wider in the contract without being asked: ``categories``, ``range``,
            ``missing``.
    """

    at_least_every_days: int = 365
    at_most_every_days: int = 30
    least_new_labels: int = 1000
    instant_feedback: bool = False
    rows: RowSelection = "expanding"
    sliding_days: int = 0
    half_life_days: int = 0
    widen_contract: tuple[Widening, ...] = ()


@dataclass(frozen=True)
class MonitoringPolicy(JsonDocument):
    """The policy of a model's monitoring.

    Attributes:
        format: Version of the file's form.
        window: Length of a window: ``hour``, ``day`` or ``week``.
        violated_windows: n of "n of k": in how many of the latest windows a monitor must be violated.
        considered_windows: k of "n of k": how many of the latest windows are looked at.
        false_alarms_per_year: Reports of a year that may call anything violated though nothing has changed.
        monitors: What follows from each monitor; one that is not named is off.
        retraining: When the model is retrained, and on which rows.
        cool_down_days: Days after a retraining or a pull-out in which monitors cause neither.
        pull_out: What happens when a model is pulled out: ``roll_back`` to the version before; ``shadow``: the same,
            and monitoring goes on to score the rows with it; ``baseline``: the baseline's answer is given.
        approve: What waits for a person: ``retrain``, ``roll_out``, ``roll_back``, ``raise_contract``.
    """

    format: int = FORMAT
    window: WindowLength = "day"
    violated_windows: int = 3
    considered_windows: int = 5
    false_alarms_per_year: float = 1.0
    monitors: Mapping[str, MonitorRule] = field(default_factory=dict)
    retraining: RetrainingPolicy = field(default_factory=RetrainingPolicy)
    cool_down_days: int = 7
    pull_out: PullOut = "roll_back"
    approve: tuple[ApprovedAction, ...] = ()

    expected: ClassVar[str] = "a monitoring policy must be as docs/guides/monitoring-policy.md says"
    remedy: ClassVar[str] = "correct it, or write a new one with headrace monitor policy"

    def __post_init__(self) -> None:
        """Raise if it could never fire, would always fire, or contradicts itself.

        Raises:
            InputError: On its first fault.
        """
        object.__setattr__(self, "false_alarms_per_year", float(self.false_alarms_per_year))
        fault = next(_policy_faults(self), None)
        if fault:
            raise InputError(f"monitoring policy: {fault}.")

    @property
    def length(self) -> timedelta:
        """Length of a window."""
        return LENGTHS[self.window]

    @property
    def alpha(self) -> float:
        """Chance of any false alarm in one report: the year's budget divided by the windows of a year."""
        return self.false_alarms_per_year * (self.length / _YEAR)

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's values, in hexadecimal."""
        return digest(dumps(self.as_json()).encode())


def value_range(kind: MonitorKind) -> tuple[float, float]:
    """Return the least and the largest value that a monitor can have."""
    if kind.name in _RANGES:
        return _RANGES[kind.name]
    if kind.unit in {"share", "effect"}:
        return _SHARE
    return (-math.inf, math.inf) if kind.unit == "metric" else _FROM_ZERO


def _policy_faults(policy: MonitoringPolicy) -> Iterator[str]:
    """Yield a clause for each fault."""
    if policy.format != FORMAT:
        yield f"format must be {FORMAT}, the format of this release; got {policy.format}"
    n, k = policy.violated_windows, policy.considered_windows
    if not 1 <= k <= MOST_WINDOWS:
        yield f"considered_windows must be 1 to {MOST_WINDOWS}; got {k}"
    if n < 1:
        yield f"violated_windows must be at least 1; with {n} it would always fire"
    if n > k:
        yield f"violated_windows must be at most considered_windows; {n} of {k} windows can never be violated"
    if not policy.alpha > 0:
        yield (
            f"false_alarms_per_year must be above 0; with {policy.false_alarms_per_year:g} no test could ever call "
            "anything violated"
        )
    elif policy.alpha >= 1:
        yield (
            f"false_alarms_per_year must be fewer than the {_YEAR / policy.length:.0f} windows of a year; with "
            f"{policy.false_alarms_per_year:g} every report may be an alarm"
        )
    for name, rule in policy.monitors.items():
        yield from _rule_faults(name, rule)
    yield from _retraining_faults(policy)
    if len(set(policy.approve)) < len(policy.approve):
        yield f"approve must name each action once; got {quote(list(policy.approve))}"


def _rule_faults(name: str, rule: MonitorRule) -> Iterator[str]:
    kind = MONITORS.get(name)
    if kind is None:
        yield f"monitors must be of {', '.join(MONITORS)}; got {quote(name)}"
        return
    where = f"monitors.{name}"
    if rule.subjects and not kind.subject:
        yield f"{where}.subjects must be absent, for it has one result for the whole model, so it could never fire"
    if rule.action == "retrain" and kind.level == "resource":
        yield f"{where}.action must not be retrain; a new model does not cure a server: use warn or roll_back"
    low, high = value_range(kind)
    span = f"its values are from {low:g} to {high:g}"
    for word, bound in (("minimum", rule.minimum), ("maximum", rule.maximum)):
        if bound is None:
            continue
        if not math.isfinite(bound):
            yield f"{where}.{word} must be a finite number; got {bound}"
            continue
        never = bound <= low if word == "minimum" else bound >= high
        always = bound > high if word == "minimum" else bound < low
        if never or always:
            yield f"{where}.{word} would {'never' if never else 'always'} be broken at {bound:g}; {span}"
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        yield f"{where} would always fire; its minimum {rule.minimum:g} is above its maximum {rule.maximum:g}"


def _retraining_faults(policy: MonitoringPolicy) -> Iterator[str]:
    rules = policy.retraining
    upper, lower = rules.at_least_every_days, rules.at_most_every_days
    for name, value in (
        ("retraining.at_least_every_days", upper),
        ("retraining.at_most_every_days", lower),
        ("retraining.least_new_labels", rules.least_new_labels),
        ("cool_down_days", policy.cool_down_days),
    ):
        most = _MOST_LABELS if name.endswith("labels") else _MOST_DAYS
        if not 0 <= value <= most:
            yield f"{name} must be 0 to {most:,}; got {value:,}"
    if not policy.monitors and not upper:
        yield "it can never fire: all monitors are off and retraining.at_least_every_days is 0; turn one on"
    if upper and lower > upper:
        yield (
            f"retraining.at_most_every_days must be at most at_least_every_days; {describe_count(lower, 'day')} is "
            f"later than {upper}, so that both cannot be kept"
        )
    if upper and policy.cool_down_days > upper:
        yield (
            "cool_down_days must be at most retraining.at_least_every_days; "
            f"{describe_count(policy.cool_down_days, 'day')} is later than {upper}, so that monitors could never act"
        )
    for selection, name, days in (
        ("sliding", "sliding_days", rules.sliding_days),
        ("weighted", "half_life_days", rules.half_life_days),
    ):
        if rules.rows == selection and not 1 <= days <= _MOST_DAYS:
            yield f"retraining.{name} must be 1 to {_MOST_DAYS:,} for {selection} rows; got {days:,}"
        if rules.rows != selection and days:
            yield f"retraining.{name} must be absent for {rules.rows} rows; got {days}"
