"""The result of an A/B test: the document ``abtest.json``, whose schema is ``docs/ab-test.schema.json``."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from headrace.core.ab_tests.plan import ABTestPlan
from headrace.core.ab_tests.sample_ratio import SampleRatio
from headrace.core.base.json_document import JsonDocument

FORMAT = 1
Decision = Literal["invalid", "stop", "better", "worse", "equivalent", "undecided"]
Status = Literal["better", "worse", "equivalent", "kept", "violated", "undecided"]


@dataclass(frozen=True)
class VersionCounts:
    """A number for each version.

    Attributes:
        candidate: Of the candidate.
        baseline: Of the baseline.
    """

    candidate: int
    baseline: int

    @property
    def total(self) -> int:
        """Of both."""
        return self.candidate + self.baseline


@dataclass(frozen=True)
class MissingValues:
    """Keys of which a metric has no value.

    Attributes:
        candidate: Share of the candidate's keys.
        baseline: Share of the baseline's keys.
        p_value: Probability of shares this different by chance (chi-square).
    """

    candidate: float
    baseline: float
    p_value: float


@dataclass(frozen=True)
class RelativeEffect:
    """A difference as a share of the baseline's value.

    Attributes:
        value: The candidate's value divided by the baseline's, minus 1.
        low: Lower end of its confidence interval (Fieller).
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SequencePoint:
    """The confidence sequence of a difference at one moment.

    Attributes:
        time: The moment: of the newest key that it holds.
        keys: Number of keys with a value so far.
        difference: The candidate's value minus the baseline's.
        low: Lower end; absent while a version has no key.
        high: Upper end.
    """

    time: str
    keys: int
    difference: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class MetricEffect:
    """What is known of one metric.

    Attributes:
        name: Column of the metric.
        role: ``primary`` or ``guard``.
        status: ``better``, ``worse`` or ``equivalent`` (no difference larger than the margin) of a primary metric,
            ``kept`` or ``violated`` of a guard, else ``undecided``.
        sentence: The same in words.
        keys: Keys with a value.
        missing: Keys without one.
        candidate: The candidate's value.
        baseline: The baseline's value.
        difference: The candidate's value minus the baseline's, without what the covariate explains.
        low: Lower end of its confidence interval, which holds for one look, at the planned size.
        high: Upper end.
        level: Confidence level of this interval.
        statistic: The difference in standard errors.
        degrees_of_freedom: Degrees of freedom of Welch's test.
        p_value: Two-sided probability of a difference this large between equal versions, for one look.
        sequence_low: Lower end of the confidence sequence, which holds at any number of looks.
        sequence_high: Upper end.
        sequence_level: Confidence level of the sequence.
        variance_reduction: Part of the variance that the covariate explains.
        adjusted_p_value: ``p_value`` adjusted for all primary metrics (Holm); absent for a guard.
        relative: The relative effect; absent if the baseline's value cannot be distinguished from 0.
        timeline: The confidence sequence over time; empty without a column of times.
    """

    name: str
    role: Literal["primary", "guard"]
    status: Status
    sentence: str
    keys: VersionCounts
    missing: MissingValues
    candidate: float
    baseline: float
    difference: float
    low: float
    high: float
    level: float
    statistic: float
    degrees_of_freedom: float
    p_value: float
    sequence_low: float
    sequence_high: float
    sequence_level: float
    variance_reduction: float
    adjusted_p_value: float | None = None
    relative: RelativeEffect | None = None
    timeline: tuple[SequencePoint, ...] = ()


@dataclass(frozen=True)
class ABTestResult(JsonDocument):
    """What an A/B test says so far, and what may be concluded from it.

    Attributes:
        format: Version of this document's form.
        name: Name of the test.
        decision: ``invalid``: the division of the keys is broken; ``stop``: a guard is violated; ``better`` or
            ``worse``: the candidate, in a primary metric; ``equivalent``: no difference larger than the margins;
            ``undecided``: not known yet.
        sentence: The decision in words.
        reasons: Sentences, the most important first.
        is_final: Whether the planned number of keys is reached.
        keys: Keys that saw one version.
        both: Keys that saw both versions and are left out.
        missing_keys: How many keys more it takes to decide; absent if it is decided, or more keys would not help.
        sample_ratio: Whether the keys are divided as planned.
        metrics: The metrics, in the order of the plan.
        notes: What was left out, assumed, or must be read with caution, as sentences.
        plan: The plan.
    """

    format: int
    name: str
    decision: Decision
    sentence: str
    reasons: tuple[str, ...]
    is_final: bool
    keys: VersionCounts
    both: int
    sample_ratio: SampleRatio
    metrics: tuple[MetricEffect, ...]
    notes: tuple[str, ...]
    plan: ABTestPlan
    missing_keys: int | None = None

    expected: ClassVar[str] = (
        "the result of a test must be what headrace abtest analyze writes, as docs/ab-test.schema.json says"
    )
    remedy: ClassVar[str] = "analyze the test again"
