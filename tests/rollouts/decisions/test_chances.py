"""How often whole rollouts decide rightly, with drawn requests, errors, times and predictions."""

from pathlib import Path

import numpy as np
import pytest

from headrace.rollouts.controller.controller import RolloutController
from headrace.rollouts.record.record import RolloutPlan
from headrace.rollouts.record.record_store import FileRecordStore
from tests.rollouts.played import CANDIDATE, STABLE, Played, counts, record

PLAN = RolloutPlan(
    steps=(1, 5, 25, 50, 100), step_duration_seconds=60, step_timeout_seconds=1200, poll_interval_seconds=10
)


class Drawn(Played):
    """Requests as they come: each is drawn to a version, fails, takes long, and is predicted ``yes`` by chance."""

    def __init__(self, seed: int, *, errors: float = 0.02, slow: float = 0.02, yes: float = 0.3) -> None:
        """The candidate's shares; the stable version's are 2 %, 2 % and 30 %."""
        super().__init__()
        self.draw = np.random.default_rng(seed)
        self.candidate = (errors, slow, yes)

    def sleep(self, seconds: float) -> None:
        """Let time go by, with a hundred requests a second."""
        self.now += seconds
        mine = int(self.draw.binomial(int(seconds * 100), self.percent / 100))
        others = int(seconds * 100) - mine
        for digest, count, shares in (
            (CANDIDATE.digest, mine, self.candidate),
            (STABLE.digest, others, (0.02, 0.02, 0.3)),
        ):
            errors, slow = (int(self.draw.binomial(count, share)) for share in shares[:2])
            answered = count - errors
            yes = int(self.draw.binomial(answered, shares[2])) / max(1, answered)
            self.seen[digest] += counts(count, errors=errors, slow=slow, yes=yes)


def ends(tmp_path: Path, number: int, **candidate: float) -> list[str]:
    """How so many rollouts of a candidate end."""
    found = []
    for seed in range(number):
        played = Drawn(seed, **candidate)
        engine = RolloutController(
            played, played, FileRecordStore(tmp_path / str(seed)), sleep=played.sleep, clock=played.clock
        )
        found.append(engine.run(record(PLAN, slow_seconds=None)).status)
    return found


def test_an_equal_candidate_is_promoted(tmp_path: Path) -> None:
    """Of sixty, which are looked at dozens of times each, hardly one is sent back by chance."""
    assert ends(tmp_path, 60).count("promoted") >= 58


def test_a_candidate_at_its_bound_is_not_promoted_by_patience(tmp_path: Path) -> None:
    """One that is worse by exactly what is tolerated is hardly ever shown to be within it."""
    assert ends(tmp_path, 20, errors=0.03).count("promoted") <= 2


@pytest.mark.parametrize("candidate", [{"errors": 0.06}, {"slow": 0.08}, {"yes": 0.65}])
def test_a_worse_candidate_is_sent_back(tmp_path: Path, candidate: dict[str, float]) -> None:
    """All of twenty are, whichever way they are worse."""
    assert ends(tmp_path, 20, **candidate) == ["rolled_back"] * 20
