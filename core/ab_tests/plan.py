"""The plan of an A/B test: the document ``plan.json``, whose schema is ``docs/ab-test-plan.schema.json``.

What is decided before the first key is assigned, so that nobody chooses it by what was seen: the metrics, the smallest
difference worth finding, what a guard may lose, the error rates, and the number of keys.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from headrace.core.ab_tests.assignment import check_share, check_test_name
from headrace.core.base.errors import InputError, quote
from headrace.core.base.json_document import JsonDocument

FORMAT = 1
MOST_METRICS = 20
EARLY_PART = 0.2
"""Part of alpha for looks before the planned size, if there are any; the rest is for the one look at that size."""
Role = Literal["primary", "guard"]
Looks = Literal["any", "once"]


@dataclass(frozen=True)
class PlannedMetric:
    """A metric of the test.

    Attributes:
        name: Column of the table.
        role: ``primary``: the candidate is meant to be better; ``guard``: it must not be worse than the margin.
        kind: ``mean`` of a number, or ``share`` of rows or keys whose value is 1, the others' being 0.
        per: What an average is over: ``row``: rows that have a value; ``key``: keys, each with the total of its rows
            (of a share, whether any of them is 1); or a column: the metric is the total of ``name`` divided by that of
            this column.
        better: Whether ``higher`` or ``lower`` values are better.
        mean: Expected value under the baseline.
        sd: Standard deviation between keys.
        margin: Difference that counts as none; what a guard may lose at most.
        effect: Smallest difference worth finding; absent for a guard.
        covariate: Column with a value of the same key from before the test, which explains some of the metric's
            variance; absent without one.
        correlation: Expected correlation of the metric with the covariate, 0 to below 1.
        power: Probability that this metric alone comes out as hoped, if it is as expected.
        keys: Number of keys that this metric alone takes.
    """

    name: str
    role: Role
    kind: Literal["mean", "share"]
    per: str
    better: Literal["higher", "lower"]
    mean: float
    sd: float
    margin: float
    effect: float | None = None
    covariate: str | None = None
    correlation: float = 0.0
    power: float | None = None
    keys: int | None = None

    def __post_init__(self) -> None:
        """Raise if a value cannot be planned with.

        Raises:
            InputError: If so.
        """
        where = f"metric {quote(self.name)}"
        if not self.name:
            raise InputError("a metric must be named by a column; got an empty name.")
        numbers = {"mean": self.mean, "sd": self.sd, "margin": self.margin, "effect": self.effect or 0.0}
        wrong = next((name for name, value in numbers.items() if not math.isfinite(value)), None)
        if wrong:
            raise InputError(f"{wrong} of {where} must be a finite number; got {numbers[wrong]} instead.")
        if self.kind == "share" and not 0 < self.mean < 1:
            raise InputError(f"the rate of {where} must be above 0 and below 1; got {self.mean:g} instead.")
        if self.sd <= 0:
            raise InputError(f"the standard deviation of {where} must be above 0; got {self.sd:g} instead.")
        if self.effect is not None and self.effect <= 0:
            raise InputError(
                f"the effect of {where} must be above 0, in the direction that is better; got {self.effect:g} instead."
            )
        if self.margin <= 0:
            raise InputError(f"the margin of {where} must be above 0; got {self.margin:g} instead.")
        if (self.effect is None) != (self.role == "guard"):
            raise InputError(f"{where} must have an effect if it is primary, and only then.")
        if not 0 <= self.correlation < 1:
            raise InputError(
                f"the correlation of {where} must be at least 0 and below 1; got {self.correlation:g} instead."
            )

    @property
    def direction(self) -> int:
        """1 if higher values are better, else -1."""
        return 1 if self.better == "higher" else -1


@dataclass(frozen=True)
class ABTestPlan(JsonDocument):
    """What was decided before the test began.

    Attributes:
        format: Version of this document's form.
        name: Name of the test, which the assignment depends on.
        key: Column of the keys.
        version: Column of the versions.
        baseline: Name of the version in service.
        candidate: Name of the version that may replace it.
        share: The candidate's share of the keys.
        alpha: Promised chance that a candidate which changes no primary metric is called better or worse.
        power: Promised chance that a candidate with the planned effect and harmless guards is called better.
        looks: ``any``: the result may be looked at every day, and a part of ``alpha`` is spent on it; ``once``: it is
            looked at when the planned number of keys is reached.
        sample_ratio_alpha: Chance that a correct division of the keys is called broken.
        metrics: The metrics, primary ones first.
        keys: Number of keys in both versions together after which the test is decided.
        daily_keys: New keys a day; absent if unknown.
        days: Days that the keys take; absent if ``daily_keys`` is.
        sequential_keys: Keys after which the confidence sequence alone finds the effect with the same power; absent if
            it looks once, or if it takes more than 10**12.
    """

    format: int
    name: str
    key: str
    version: str
    baseline: str
    candidate: str
    share: float
    alpha: float
    power: float
    looks: Looks
    sample_ratio_alpha: float
    metrics: tuple[PlannedMetric, ...]
    keys: int
    daily_keys: float | None = None
    days: float | None = None
    sequential_keys: int | None = None

    expected: ClassVar[str] = (
        "the plan of a test must be what headrace abtest plan writes, as docs/ab-test-plan.schema.json says"
    )
    remedy: ClassVar[str] = "plan the test again"

    def __post_init__(self) -> None:
        """Raise if a value cannot be tested with.

        Raises:
            InputError: If so.
        """
        check_test_name(self.name)
        check_share(self.share)
        if self.format != FORMAT:
            raise InputError(f"the plan of a test must be of format {FORMAT}; got {self.format}: plan the test again.")
        if not 0 < self.alpha <= 0.5:
            raise InputError(f"alpha must be above 0 and at most 0.5; got {self.alpha:g} instead.")
        if not 0 < self.sample_ratio_alpha <= 0.1:
            raise InputError(
                f"the sample ratio's alpha must be above 0 and at most 0.1; got {self.sample_ratio_alpha:g} instead."
            )
        if not 0.5 <= self.power < 1:
            raise InputError(f"power must be at least 0.5 and below 1; got {self.power:g} instead.")
        if self.baseline == self.candidate:
            raise InputError(f"the two versions must have different names; both are {quote(self.baseline)}.")
        if not self.primary:
            raise InputError("a test must have a primary metric, which decides it; name one.")
        if len(self.metrics) > MOST_METRICS:
            raise InputError(f"a test must have at most {MOST_METRICS} metrics; got {len(self.metrics)}.")
        names = [metric.name for metric in self.metrics]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"each metric must be named once; got {quote(twice)} twice.")
        if self.daily_keys is not None and not self.daily_keys > 0:
            raise InputError(f"the keys of a day must be above 0; got {self.daily_keys:g} instead.")

    @property
    def primary(self) -> tuple[PlannedMetric, ...]:
        """The primary metrics."""
        return tuple(metric for metric in self.metrics if metric.role == "primary")

    @property
    def guards(self) -> tuple[PlannedMetric, ...]:
        """The guards."""
        return tuple(metric for metric in self.metrics if metric.role == "guard")

    @property
    def early_alpha(self) -> float:
        """Part of alpha that looks before the planned size may spend, over all primary metrics."""
        return self.alpha * EARLY_PART if self.looks == "any" else 0.0

    @property
    def final_alpha(self) -> float:
        """Part of alpha for the look at the planned size, over all primary metrics."""
        return self.alpha - self.early_alpha

    @property
    def weight(self) -> float:
        """Effective number of keys at the planned size: the inverse of the difference's variance over the metric's."""
        return self.keys * self.share * (1 - self.share)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the metrics need."""
        names = [
            name
            for metric in self.metrics
            for name in (metric.name, metric.per if metric.per not in {"row", "key"} else None, metric.covariate)
            if name
        ]
        return tuple(dict.fromkeys(names))
