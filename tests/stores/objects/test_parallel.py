"""Many jobs at once, and none begun once one has failed."""

import threading
import time

import pytest

from headrace.stores.objects.parallel import run_parallel


def test_each_item_is_done_once_and_several_at_a_time() -> None:
    """As many threads as were asked for meet inside their jobs."""
    meeting = threading.Barrier(4, timeout=30)
    done: list[int] = []

    def job(item: int) -> None:
        meeting.wait()
        done.append(item)

    run_parallel(range(8), job, threads=4)
    assert sorted(done) == list(range(8))


def test_the_first_failure_is_raised_and_the_rest_is_not_begun() -> None:
    """Those that run are waited for: nothing goes on after the call has ended."""
    begun: list[int] = []
    ended: list[int] = []

    def job(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise ZeroDivisionError(item)
        time.sleep(0.05)
        ended.append(item)

    with pytest.raises(ZeroDivisionError):
        run_parallel(range(1000), job, threads=2)
    assert len(begun) < 100
    assert sorted([*ended, 1]) == sorted(begun)


def test_no_items_are_no_work() -> None:
    """A bundle may have no small files."""
    run_parallel([], lambda _: pytest.fail("called"), threads=4)
