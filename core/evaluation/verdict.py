"""The gate's verdict: the document ``verdict.json``, whose schema is ``docs/verdict.schema.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from headrace.core.base.json_document import JsonDocument
from headrace.core.robustness.robustness_document import FlipComparison

Decision = Literal["promote", "hold", "reject"]


@dataclass(frozen=True)
class GateComparison:
    """Comparison of the candidate with the baseline or the champion, on the same test rows.

    Attributes:
        against: ``baseline`` or ``champion``.
        metric: Name of the compared metric; absent, like all that follows, if both define no metric.
        difference: The candidate's value minus the other's.
        low: Lower end of its 95 % interval (paired bootstrap).
        high: Upper end.
        p_value: Two-sided probability of a difference this large between equal models.
        test: Name of the test that gave ``p_value``.
        better: Whether the candidate is significantly better.
        worse: Whether it is significantly worse.
        mcnemar_p: P-value of McNemar's test of the labels; absent for a regression.
    """

    against: str
    metric: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    test: str | None = None
    better: bool | None = None
    worse: bool | None = None
    mcnemar_p: float | None = None


@dataclass(frozen=True)
class GateVerdict(JsonDocument):
    """Whether a model may take over, and why.

    Attributes:
        verdict: ``promote``, ``hold`` or ``reject``.
        reasons: Sentences, the most important first.
        comparison: Comparison with the baseline or the champion.
        robustness: The champion's robustness beside the candidate's; absent without a champion or a measurement.
        metric_bounds: Bound by name of the metric, as configured; absent where ``decide`` alone was called.
        seed: Seed of the bootstrap; absent where ``decide`` alone was called.
    """

    verdict: Decision
    reasons: tuple[str, ...]
    comparison: GateComparison
    metric_bounds: Mapping[str, float] | None = None
    seed: int | None = None
    robustness: FlipComparison | None = None

    expected: ClassVar[str] = "the verdict must be what the step gate writes, as docs/verdict.schema.json says"
    remedy: ClassVar[str] = "run the gate again"
