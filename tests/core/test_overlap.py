"""Work ahead and behind loses nothing: items, order, errors."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from headrace.core.overlap import Behind, ahead


def test_items_come_in_order() -> None:
    """What was made ahead is what was asked for, and nothing is made twice."""
    assert list(ahead(range(100), depth=3)) == list(range(100))
    assert list(ahead([])) == []


def test_no_more_is_made_than_the_bound_allows() -> None:
    """With one item waiting and one in the making, the third is not begun."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    with closing(ahead(items(), depth=1)) as given:
        assert next(given) == 0
        time.sleep(0.3)
        assert made == [0, 1, 2]


def test_an_error_comes_in_its_place() -> None:
    """The items before an error are given first."""

    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    given = ahead(items())
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

    with closing(ahead(items())) as given:
        next(given)
    assert closed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_work_behind_is_done_in_order() -> None:
    """Each piece begins when the one before has ended, and all have ended with the block."""
    done: list[int] = []
    with Behind() as behind:
        for number in range(20):
            behind.do(done.append, number)
    assert done == list(range(20))


def test_an_error_behind_is_raised() -> None:
    """The error of the last piece is raised at the end of the block, that of another by the next call."""

    def fail() -> None:
        raise ValueError("piece")

    with pytest.raises(ValueError, match="piece"), Behind() as behind:
        behind.do(fail)
    with Behind() as behind:
        behind.do(fail)
        with pytest.raises(ValueError, match="piece"):
            behind.do(fail)
