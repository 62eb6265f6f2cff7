"""Where a consumer stands, and what is unread."""

from headrace.streams.broker import PartitionLag
from headrace.streams.kafka.partition_positions import PartitionPositions, choose_offset
from tests.streams.made_streams import GOOD, batch_of


def test_lag_is_exact_at_the_end_and_an_estimate_before() -> None:
    """Half of the offsets that were read were events: so, it is taken, are half of the others."""
    positions = PartitionPositions()
    assert positions.assigned is None
    positions.assign({0: 200, 1: 0})
    batch = batch_of([GOOD] * 10)
    batch.offsets[:] = range(100, 120, 2)
    positions.read(batch)
    assert positions.lags({0: 219, 1: 0})[0] == PartitionLag(rows=53, offsets=100)
    positions.end(0, 121)
    assert positions.lags({0: 125, 1: 0})[0] == PartitionLag(rows=0, offsets=4), (
        "what follows is in an open transaction"
    )
    positions.rewind(0, 100)
    assert positions.lags({0: 121})[0].rows > 0


def test_the_end_is_reached_when_all_partitions_have_reached_theirs() -> None:
    """A partition without events has reached it when the broker has said so."""
    positions = PartitionPositions()
    assert not positions.at_end
    positions.assign({0: 110, 1: 0})
    positions.read(batch_of([GOOD] * 10))
    assert not positions.at_end
    positions.end(1, 0)
    assert positions.at_end, "up to the offset at the assignment; more may have come since"
    positions.rewind(0, 105)
    assert not positions.at_end
    positions.revoke([0])
    assert positions.at_end
    assert positions.assigned == {1}


def test_a_partition_begins_where_the_group_has_committed() -> None:
    """And never at its first event because a question failed; only if the offset is not there."""
    cases = {(-1001, 5, 9): 5, (7, 5, 9): 7, (5, 5, 9): 5, (9, 5, 9): 9, (4, 5, 9): 5, (10, 5, 9): 5}
    assert {case: choose_offset(*case) for case in cases} == cases
