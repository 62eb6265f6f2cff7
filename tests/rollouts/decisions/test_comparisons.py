"""What the counts of two versions say."""

import pytest

from headrace.rollouts.decisions.comparisons import checks, slow_edge, stability
from headrace.rollouts.record.counters import RequestCounts
from headrace.rollouts.record.record import RolloutPlan
from tests.rollouts.played import counts, record, step, verdicts

PLAN = RolloutPlan()


def test_equal_versions_are_good_after_enough_requests() -> None:
    """Few requests say nothing, many say that all is within its bounds."""
    few = record(PLAN, step(50, counts(30), counts(30)))
    many = record(PLAN, step(50, counts(4000), counts(4000)))
    assert set(verdicts(checks(few)).values()) == {"open"}
    assert verdicts(checks(many)) == {"errors": "good", "latency": "good", "slow": "good", "shift": "good"}


@pytest.mark.parametrize(
    ("name", "candidate"),
    [
        ("errors", counts(2000, errors=200)),
        ("slow", counts(2000, slow=300)),
        ("latency", counts(2000, slow=1900)),
        ("shift", counts(2000, yes=0.9)),
        ("outcome", counts(2000, outcomes=(2000, 900))),
    ],
)
def test_each_kind_of_worse_is_seen(name: str, candidate: RequestCounts) -> None:
    """Errors, slow requests, slowness, shifted predictions and a worse outcome are each told by their own check."""
    found = checks(record(PLAN, step(50, candidate, counts(2000, outcomes=(2000, 500)))))
    assert verdicts(found)[name] == "bad"
    (told,) = (one for one in found if one.name == name)
    assert "beyond" in told.text
    assert told.effect > 0


def test_one_step_speaks_for_the_next() -> None:
    """What an earlier step showed counts in the next one too."""
    bad = step(10, counts(500, errors=100), counts(4500))
    assert verdicts(checks(record(PLAN, bad, step(50, counts(1), counts(1)))))["errors"] == "bad"


def test_better_is_not_bad() -> None:
    """Fewer errors than the stable version's, faster answers and a better outcome pass."""
    found = checks(
        record(
            PLAN,
            step(50, counts(4000, outcomes=(4000, 100)), counts(4000, errors=400, slow=1000, outcomes=(4000, 900))),
        )
    )
    assert set(verdicts(found).values()) == {"good"}


def test_outcomes_are_compared_only_where_both_are_known() -> None:
    """Labels that come for one version alone say nothing."""
    found = checks(record(PLAN, step(50, counts(200, outcomes=(200, 10)), counts(200))))
    assert "outcome" not in verdicts(found)


def test_a_shift_that_chance_explains_is_not_bad() -> None:
    """Twenty predictions that differ by chance have a large index and are not sent back."""
    found = checks(record(PLAN, step(50, counts(24, yes=0.75), counts(24, yes=0.5))))
    (shift,) = (one for one in found if one.name == "shift")
    assert shift.verdict == "open"
    assert "chance may explain" in shift.text


def test_many_rows_of_one_request_are_one_observation() -> None:
    """Rows of a request may be alike: a thousand of them in five requests prove no shift."""
    rows = RequestCounts(
        codes={"200": 5}, seconds={"0.01": 5, "inf": 0}, rows=1000, predictions={"x": {"a": 900, "b": 100}}
    )
    others = RequestCounts(
        codes={"200": 5}, seconds={"0.01": 5, "inf": 0}, rows=1000, predictions={"x": {"a": 100, "b": 900}}
    )
    assert verdicts(checks(record(PLAN, step(50, rows, others))))["shift"] == "open"


def test_what_is_slow_is_taken_from_the_stable_version() -> None:
    """The least edge that one of a hundred requests exceeds, at least the floor; nothing from few requests."""
    assert slow_edge(counts(1000, slow=5), floor_ms=5) == 0.01
    assert slow_edge(counts(1000, slow=50), floor_ms=5) == 0.1
    assert slow_edge(counts(1000, slow=5), floor_ms=20) == 0.05
    assert slow_edge(counts(50), floor_ms=5) is None


def test_the_index_of_equal_distributions_is_nothing() -> None:
    """And of different ones the sum that its definition says, but for what chance gives."""
    same = {"a": 0.3, "b": 0.7}
    assert stability(same, same, weight=1000) == 0
    assert abs(stability({"a": 0.5, "b": 0.5}, {"a": 0.2, "b": 0.8}, weight=1e9) - 0.4159) < 1e-3


def test_times_below_the_floor_are_alike() -> None:
    """A candidate that takes 4 ms where the stable takes 1 ms is not slower, unless the floor says so."""
    fast = RequestCounts(codes={"200": 4000}, seconds={"0.001": 4000, "0.002": 0, "0.005": 0, "inf": 0}, rows=4000)
    slower = RequestCounts(codes={"200": 4000}, seconds={"0.001": 0, "0.002": 0, "0.005": 4000, "inf": 0}, rows=4000)
    assert verdicts(checks(record(PLAN, step(50, slower, fast))))["latency"] == "good"
    sharp = PLAN.model_copy(update={"floor_ms": 0.1})
    assert verdicts(checks(record(sharp, step(50, slower, fast))))["latency"] == "bad"
