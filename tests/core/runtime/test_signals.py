"""Signals that end a process, and blocks that they must not break off."""

import os
import signal
import threading

import pytest

from headrace.core.runtime.signals import defer_signals, ended_by_sigterm, is_ignored, noted_signals
from tests.conftest import ignoring

pytestmark = pytest.mark.usefixtures("default_signals")


def send(number: signal.Signals) -> None:
    """Have this process told; the handler has run when this returns."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_acts_at_the_end_of_the_block(number: signal.Signals, ending: type[BaseException]) -> None:
    """What had begun is done, and the handlers are as before."""
    done = []

    def work() -> None:
        with defer_signals():
            send(number)
            done.append("the block")
        done.append("what comes after")

    with ended_by_sigterm():
        before = signal.getsignal(number)
        with pytest.raises(ending):
            work()
        assert done == ["the block"]
        assert signal.getsignal(number) is before


def test_blocks_within_blocks_wait_for_the_outermost() -> None:
    """A signal in an inner block does not break off the outer one."""
    done = []

    def work() -> None:
        with defer_signals():
            with defer_signals():
                send(signal.SIGTERM)
            done.append("the outer block")

    with ended_by_sigterm(), pytest.raises(SystemExit):
        work()
    assert done == ["the outer block"]


def test_a_second_signal_acts_at_once() -> None:
    """Whoever presses Ctrl-C twice does not wait for a server that is silent."""
    done = []

    def work() -> None:
        with defer_signals():
            send(signal.SIGINT)
            done.append("after the first")
            send(signal.SIGINT)
            done.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["after the first"]


def test_an_error_of_the_block_is_told_beside_the_signal() -> None:
    """The signal ends it; what went wrong meanwhile is its context."""

    def work() -> None:
        with defer_signals():
            send(signal.SIGTERM)
            raise ValueError("wrong")

    with ended_by_sigterm(), pytest.raises(SystemExit) as ended:
        work()
    assert isinstance(ended.value.__context__, ValueError)


def test_other_threads_hold_nothing_back() -> None:
    """They take no signals; the main thread's act as ever."""
    inside, ended = threading.Event(), threading.Event()

    def work() -> None:
        with defer_signals():
            inside.set()
            ended.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(30)
    try:
        with ended_by_sigterm(), pytest.raises(SystemExit):
            send(signal.SIGTERM)
    finally:
        ended.set()
        thread.join()


def test_a_signal_that_is_ignored_stays_so() -> None:
    """Whoever started the process wants it: nothing breaks off the block, and nothing is acted on later."""
    with ignoring(signal.SIGTERM, signal.SIGINT):
        with ended_by_sigterm(), defer_signals():
            for number in (signal.SIGTERM, signal.SIGINT):
                assert is_ignored(number)
                send(number)
        assert is_ignored(signal.SIGTERM)
    assert not is_ignored(signal.SIGTERM)


def test_signals_are_noted_for_whoever_ends_in_order() -> None:
    """Nothing is broken off; an ignored signal is not noted, and handlers are as before."""
    before = signal.getsignal(signal.SIGTERM)
    with noted_signals() as ended:
        assert not ended.is_set()
        send(signal.SIGTERM)
        assert ended.is_set()
    assert signal.getsignal(signal.SIGTERM) is before
    with ignoring(signal.SIGINT), noted_signals() as ended:
        send(signal.SIGINT)
        assert not ended.is_set()
    found: list[threading.Event] = []

    def work() -> None:
        with noted_signals() as other:
            found.append(other)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not found[0].is_set()
