"""Work ahead and behind loses nothing: items, order, errors."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from headrace.core.runtime.background import BackgroundWriter, ordered_map, prefetch


def test_items_come_in_order() -> None:
    """What was made ahead is what was asked for, and nothing is made twice."""
    assert list(prefetch(range(100), depth=3)) == list(range(100))
    assert list(prefetch([])) == []


def test_no_more_is_made_than_the_bound_allows() -> None:
    """With one item waiting and one in the making, the third is not begun."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    with closing(prefetch(items(), depth=1)) as given:
        assert next(given) == 0
        deadline = time.monotonic() + 60
        while len(made) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # a fourth would have been made by now
        assert made == [0, 1, 2]


def test_an_error_comes_in_its_place() -> None:
    """The items before an error are given first."""

    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    given = prefetch(items())
    assert next(given) == 1
    with pytest.raises(ValueError, match="two"):
        next(given)


def test_closing_ends_the_thread_and_the_items() -> None:
    """A consumer that stops early leaves neither a thread nor an open generator."""
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed.set()

    with closing(prefetch(items())) as given:
        next(given)
    assert closed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_results_come_in_order_however_long_each_takes() -> None:
    """A slow piece holds back the quick one behind it, which has been done meanwhile."""
    second = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert second.wait(60), "two pieces are in work at once"
        if number == 1:
            second.set()
        return number * number

    assert list(ordered_map(work, range(20))) == [number * number for number in range(20)]
    assert list(ordered_map(work, [])) == []


def test_no_more_is_begun_than_the_workers_can_take() -> None:
    """What is asked for later is not read yet: memory stays what it is."""
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            asked.append(number)
            yield number

    with closing(ordered_map(abs, items(), workers=2)) as results:
        assert next(results) == 0
        assert asked == [0, 1, 2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("each")]


@pytest.mark.parametrize("place", ["work", "items"])
def test_an_error_of_a_piece_comes_behind_the_results_before_it(place: str) -> None:
    """Whoever reads a table is told of its first fault, not of the one that was found first."""

    def items() -> Iterator[int]:
        yield from range(3)
        if place == "items":
            raise ValueError("three")
        yield 3

    def work(number: int) -> int:
        time.sleep(0.05 if number < 3 else 0)
        if number == 3:
            raise ValueError("three")
        return number

    results = ordered_map(work, items())
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_work_behind_is_done_in_order() -> None:
    """Each piece begins when the one before has ended, and all have ended with the block."""
    done: list[int] = []
    with BackgroundWriter() as behind:
        for number in range(20):
            behind.do(done.append, number)
    assert done == list(range(20))


def test_an_error_behind_is_raised() -> None:
    """The error of the last piece is raised at the end of the block, that of another by the next call."""

    def fail() -> None:
        raise ValueError("piece")

    with pytest.raises(ValueError, match="piece"), BackgroundWriter() as behind:
        behind.do(fail)
    with BackgroundWriter() as behind:
        behind.do(fail)
        with pytest.raises(ValueError, match="piece"):
            behind.do(fail)
