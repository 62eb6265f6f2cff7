"""The decision record of a rollout: one JSON document whose schema is docs/rollout.schema.json.

It holds every decision with its numbers, bounds and reason, and everything that another process needs to resume the
rollout.
"""

from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.core.base.errors import DataError
from headrace.rollouts.record.counters import RequestCounts

FORMAT = 1
Status = Literal["running", "paused", "held", "promoted", "rolled_back", "aborted", "failed"]
Verdict = Literal["good", "bad", "open"]
OPEN: tuple[Status, ...] = ("running", "paused", "held")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RolloutVersion(_Part):
    """One of the two versions."""

    uri: str
    digest: str


class Tolerances(_Part):
    """How much worse than the stable version the candidate may be."""

    errors: float = Field(default=0.01, ge=0, description="Share of requests that fail, above the stable version's.")
    latency: float = Field(
        default=1.5, gt=1, description="Typical time of a request, relative to the stable version's."
    )
    slow: float = Field(default=0.02, ge=0, description="Share of slow requests, above the stable version's.")
    shift: float = Field(default=0.2, gt=0, description="Population stability index of the predictions.")
    outcome: float = Field(
        default=0.05, ge=0, description="Cost of predictions with known labels, above the stable version's."
    )


class RolloutPlan(_Part):
    """The plan of a rollout."""

    steps: tuple[int, ...] = Field(default=(1, 5, 25, 50, 100), description="Shares of the requests, in percent.")
    tolerances: Tolerances = Tolerances()
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Significance level: the probability that a candidate within all bounds is rolled back.",
    )
    step_requests: int = Field(default=200, ge=1, description="Minimum number of requests of the candidate in a step.")
    step_duration_seconds: float = Field(default=60.0, ge=0, description="Minimum duration of a step.")
    step_timeout_seconds: float = Field(default=3600.0, gt=0, description="Maximum duration of a step.")
    poll_interval_seconds: float = Field(default=15.0, gt=0, description="Time between two polls of the metrics.")
    floor_ms: float = Field(
        default=5.0,
        ge=0,
        description="Latency below which requests count as equally fast; a server with few requests is a bit slower.",
    )
    slow_ms: float = Field(
        default=0.0, ge=0, description="Latency above which a request is slow; 0 to derive it from the stable version."
    )
    on_timeout: Literal["rollback", "promote"] = Field(
        default="rollback", description="What to do with a candidate that is not shown to be good before the timeout."
    )

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps or steps[-1] != 100 or steps[0] < 1 or any(b <= a for a, b in pairwise(steps)):
            raise ValueError("steps must rise from at least 1 to 100 percent, such as 1,5,25,50,100")
        return steps


class StepCounts(_Part):
    """The counts of a version's servers during a step."""

    codes: dict[str, float] = Field(default={}, description="Requests by HTTP status.")
    seconds: dict[str, float] = Field(default={}, description="Requests by upper edge of their latency, in seconds.")
    rows: float = 0.0
    predictions: dict[str, dict[str, float]] = Field(default={}, description="Rows by bin of the predictions.")
    outcomes: dict[str, float] = Field(
        default={}, description="Predictions with known labels: count, and total and squares of their costs."
    )

    @classmethod
    def of(cls, counts: RequestCounts) -> "StepCounts":
        """Return counts in the form of the record."""
        return cls(
            codes=dict(counts.codes),
            seconds=dict(counts.seconds),
            rows=counts.rows,
            predictions={name: dict(bins) for name, bins in counts.predictions.items()},
            outcomes=dict(counts.outcomes),
        )

    def counts(self) -> RequestCounts:
        """Return the counts as ``RequestCounts``."""
        return RequestCounts(self.codes, self.seconds, self.rows, self.predictions, self.outcomes)


class VersionCheck(_Part):
    """One comparison of the versions, over all steps so far."""

    name: Literal["errors", "latency", "slow", "shift", "outcome"]
    verdict: Verdict = Field(description="good: surely within its bound; bad: surely beyond it; open: undecided.")
    effect: float = Field(description="Estimated difference; of latency the ratio, of shift the index.")
    low: float | None = Field(description="Lower end of its confidence sequence; null if there is none yet.")
    high: float | None = Field(description="Upper end.")
    bound: float = Field(description="Upper bound for it.")
    detectable: float | None = Field(
        description="Difference that four of five such rollouts would have detected by now."
    )
    stable: float | None = Field(default=None, description="The stable version's value in the last step.")
    candidate: float | None = Field(default=None, description="The candidate's.")
    text: str = Field(description="The comparison in a sentence.")


class RolloutStep(_Part):
    """One share of the traffic."""

    percent: int
    began: str
    ended: str = ""
    seconds: float = 0.0
    polls: int = 0
    stable: StepCounts = StepCounts()
    candidate: StepCounts = StepCounts()
    checks: tuple[VersionCheck, ...] = ()
    decision: Literal["", "continue", "promote", "rollback", "abort"] = ""
    reason: str = ""


class HistoryEntry(_Part):
    """An event in a rollout."""

    time: str
    text: str


class RolloutRecord(_Part):
    """A rollout."""

    format: Literal[1] = 1
    name: str
    platform: str = Field(description="local or kserve.")
    namespace: str = ""
    traffic: str = Field(description="How requests were divided: replay, canary, knative or graph.")
    metrics: str = Field(description="Where counters were read: servers or prometheus.")
    stable: RolloutVersion
    candidate: RolloutVersion
    plan: RolloutPlan
    status: Status
    began: str
    ended: str = ""
    slow_seconds: float | None = Field(default=None, description="Latency above which a request counted as slow.")
    slow_from: int = Field(default=0, description="First step whose slow requests were compared.")
    steps: tuple[RolloutStep, ...] = ()
    reasons: tuple[str, ...] = Field(default=(), description="Why it ended as it did.")
    url: str = Field(default="", description="URL of the endpoint's V1 predictions.")
    history: tuple[HistoryEntry, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN

    @property
    def running(self) -> bool:
        """Whether a process runs it, unless that was killed."""
        return self.open and self.status != "held"

    @property
    def decided(self) -> bool:
        """Whether a decision remains to be carried out."""
        return bool(self.steps) and self.steps[-1].decision in {"promote", "rollback", "abort"}

    def to_json(self) -> str:
        """Return the record as JSON text."""
        return self.model_dump_json(indent=1) + "\n"


def loads(text: str | bytes, source: str) -> RolloutRecord:
    """Parse a record.

    Args:
        text: The JSON text.
        source: Its origin, for messages.

    Raises:
        DataError: If the text is not a valid record.
    """
    try:
        return RolloutRecord.model_validate_json(text)
    except ValueError as error:
        problem = " ".join(str(error).split())[:200]
        raise DataError(f"{source} must hold the record of a rollout; {problem}.") from error
