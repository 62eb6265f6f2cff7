"""Counters that are read, added up, and begun anew."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.rollouts.record import counters as counting
from headrace.rollouts.record.counter_totals import CounterReading, CounterTotals
from headrace.rollouts.record.counters import RequestCounts
from headrace.rollouts.traffic.server_metrics import reading
from headrace.stores.metrics.exposition import parse_samples
from tests.rollouts.played import counts

METRICS = """\
# TYPE headrace_model_info gauge
headrace_model_info{digest="abc",name="heart"} 1.0
# TYPE headrace_requests_total counter
headrace_requests_total{code="200",protocol="v1"} 7.0
headrace_requests_total{code="200",protocol="v2"} 3.0
headrace_requests_total{code="422",protocol="v1"} 2.0
headrace_requests_total{code="499",protocol="v1"} 1.0
headrace_requests_total{code="200",protocol="health"} 50.0
# TYPE headrace_request_duration_seconds histogram
headrace_request_duration_seconds_bucket{le="0.01",protocol="v1"} 6.0
headrace_request_duration_seconds_bucket{le="+Inf",protocol="v1"} 9.0
# TYPE headrace_rows_total counter
headrace_rows_total 20.0
# TYPE headrace_predictions_total counter
headrace_predictions_total{class="yes"} 15.0
"""
NUMBERS = st.integers(0, 1000)
COUNTS = st.builds(
    lambda requests, errors, slow: counts(requests + errors + slow, errors=errors, slow=slow), NUMBERS, NUMBERS, NUMBERS
)


def test_a_servers_metrics_are_its_counts() -> None:
    """Requests for predictions only, by status and by bucket; what a client left is not its fault."""
    found = reading(parse_samples(METRICS))
    assert found is not None
    assert found.digest == "abc"
    assert found.counts.codes == {"200": 10, "422": 2}
    assert (found.counts.requests, found.counts.errors, found.counts.rows) == (12, 2, 20)
    assert found.counts.seconds == {"0.01": 6, "inf": 3}
    assert found.counts.predictions == {counting.PREDICTED: {"yes": 15}}


def test_what_is_no_headrace_server_is_left_out() -> None:
    """Other metrics, and what is no metrics at all."""
    assert reading(parse_samples("up 1\n")) is None
    assert parse_samples("<html>{") == []


@given(COUNTS, COUNTS)
def test_what_was_added_is_the_difference(before: RequestCounts, more: RequestCounts) -> None:
    """Adding and taking away are each other's inverse."""
    assert (before + more).since(before) == more


@given(COUNTS, COUNTS)
def test_a_counter_that_fell_was_begun_anew(before: RequestCounts, after: RequestCounts) -> None:
    """Then all of it was added; nothing is ever less than nothing."""
    added = after.since(before)
    assert added.requests >= 0
    assert all(value >= 0 for value in (*added.codes.values(), *added.seconds.values(), added.rows))
    if after.rows < before.rows:
        assert added == after


class Given:
    """A source that shows what it is given."""

    kind = "given"

    def __init__(self) -> None:
        self.shown: dict[str, CounterReading] = {}

    def read(self) -> dict[str, CounterReading]:
        """What is shown."""
        return dict(self.shown)


def test_the_meter_follows_servers_that_come_go_and_start_again() -> None:
    """By version, from the first look on."""
    source = Given()
    meter = CounterTotals(source)
    source.shown = {"a": CounterReading("one", counts(100))}
    assert meter.poll() == {"one": RequestCounts()} or meter.poll()["one"].requests == 0
    source.shown = {"a": CounterReading("one", counts(130)), "b": CounterReading("two", counts(5))}
    assert {key: one.requests for key, one in meter.poll().items()} == {"one": 30, "two": 5}
    source.shown = {"a": CounterReading("one", counts(10))}
    assert {key: one.requests for key, one in meter.poll().items()} == {"one": 40, "two": 5}
    assert meter.lifetime("one").requests == 10
