"""A played endpoint: traffic, counters and a clock that a test holds in its hands, for what needs no server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.core.base.errors import HeadraceError
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.rollouts.record.counters import PREDICTED, RequestCounts
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord, RolloutStep, RolloutVersion, StepCounts
from headrace.rollouts.traffic.base import VersionPair

STABLE = RolloutVersion(uri="stable", digest="a" * 64)
CANDIDATE = RolloutVersion(uri="candidate", digest="b" * 64)


def counts(
    requests: float = 0,
    *,
    errors: float = 0,
    slow: float = 0,
    yes: float = 0.5,
    outcomes: tuple[float, float] | None = None,
) -> RequestCounts:
    """What servers counted.

    Args:
        requests: Requests for predictions of one row.
        errors: How many of them were refused.
        slow: How many took between 50 and 100 ms; the others up to 10.
        yes: Share of the predictions that are ``yes``.
        outcomes: Predictions whose truth is known, and how many of them were wrong.
    """
    good = requests - errors
    known = {} if outcomes is None else {"count": outcomes[0], "total": outcomes[1], "squares": outcomes[1]}
    return RequestCounts(
        codes={"200": good, "422": errors},
        seconds={"0.01": requests - slow, "0.05": 0, "0.1": slow, "inf": 0},
        rows=good,
        predictions={PREDICTED: {"yes": good * yes, "no": good * (1 - yes)}},
        outcomes=known,
    )


def step(percent: int, candidate: RequestCounts, stable: RequestCounts, *, seconds: float = 1000.0) -> RolloutStep:
    """A step in which so much was counted."""
    return RolloutStep(
        percent=percent, began="then", seconds=seconds, stable=StepCounts.of(stable), candidate=StepCounts.of(candidate)
    )


def record(plan: RolloutPlan, *steps: RolloutStep, slow_seconds: float | None = 0.05) -> RolloutRecord:
    """A rollout."""
    return RolloutRecord(
        name="heart",
        platform="local",
        traffic="played",
        metrics="played",
        stable=STABLE,
        candidate=CANDIDATE,
        plan=plan,
        status="running",
        began="then",
        slow_seconds=slow_seconds,
        steps=steps,
    )


@dataclass
class Played:
    """A ``Traffic`` and its ``Source``: in every second of its clock it has a hundred requests.

    Attributes:
        errors: Share of the candidate's requests that fail.
        broken: What cannot be done, by the name of the method.
        done: What was done, in order.
        blind: Looks that fail from now on.
        at_look: Called with the number of each look.
    """

    errors: float = 0.0
    broken: dict[str, BaseException] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    blind: int = 0
    at_look: Callable[[int], None] = lambda _: None
    percent: int = 0
    now: float = 0.0
    polls: int = 0
    seen: dict[str, RequestCounts] = field(
        default_factory=lambda: {STABLE.digest: counts(1000), CANDIDATE.digest: counts(0)}
    )

    kind = "played"

    def find(self) -> VersionPair:
        """Both versions."""
        return VersionPair(STABLE, CANDIDATE)

    def prepare(self) -> None:
        """Bring both up."""
        self._do("prepare")

    def split(self, percent: int) -> None:
        """Divide requests from now on."""
        self._do(f"split {percent}")
        self.percent = percent

    def promote(self) -> str:
        """Let the candidate take over."""
        self._do("promote")
        return "http://heart"

    def restore(self) -> str:
        """Let the stable version answer alone."""
        self._do("restore")
        return "http://heart"

    def sleep(self, seconds: float) -> None:
        """Let time go by, with its requests."""
        self.now += seconds
        mine = seconds * self.percent
        self.seen[CANDIDATE.digest] += counts(mine, errors=mine * self.errors)
        self.seen[STABLE.digest] += counts(seconds * 100 - mine)
        self.polls += 1
        self.at_look(self.polls)

    def clock(self) -> float:
        """The time."""
        return self.now

    def read(self) -> Mapping[str, CounterReading]:
        """What the servers show."""
        if self.blind:
            self.blind -= 1
            raise HeadraceError("nothing answers.")
        return {digest: CounterReading(digest, found) for digest, found in self.seen.items()}

    def _do(self, what: str) -> None:
        self.done.append(what)
        name = what.partition(" ")[0]
        if name in self.broken:
            raise self.broken[name]


def verdicts(found: Sequence[object]) -> dict[str, str]:
    """Verdicts of checks by name."""
    return {str(getattr(one, "name", "")): str(getattr(one, "verdict", "")) for one in found}
