"""Signals that end a process: blocks that clean up, signals that are ignored, and defaults of helpers.

The caller of a command may let it ignore a signal: ``nohup`` does so with SIGHUP, and a shell without job control with
SIGINT for what ``&`` starts. As everywhere on Unix, a signal that is ignored at the start stays ignored. Helper
processes that a command starts are different: it ends them by SIGTERM, so they must accept it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def is_ignored(number: signal.Signals) -> bool:
    """Check whether the caller of this process made it ignore a signal."""
    return signal.getsignal(number) is signal.SIG_IGN


def take_defaults() -> None:
    """Let SIGTERM and SIGINT end this process, even if its owner ignores them; helper processes call this first."""
    # A child process inherits ignored signals.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into ``SystemExit`` for the duration of the block, so that every ``finally`` runs.

    Kubernetes ends a step by SIGTERM. Nothing changes outside the main thread, which is the only one that receives
    signals, or if the signal is ignored.
    """
    if threading.current_thread() is not threading.main_thread() or is_ignored(signal.SIGTERM):
        yield
        return

    def end(number: int, _: FrameType | None) -> NoReturn:
        # The exit code that a shell reports for a process ended by this signal.
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def noted_signals(event: threading.Event | None = None) -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set, so that what is in flight ends in order.

    Outside the main thread, which is the only one that receives signals, nobody but the caller sets it; a signal that
    is ignored stays ignored.

    Args:
        event: The event; None for a new one.
    """
    ended = threading.Event() if event is None else event
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    numbers = [number for number in (signal.SIGTERM, signal.SIGINT) if not is_ignored(number)]
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in numbers}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Defer SIGTERM and SIGINT to the end of the block; a second one acts at once.

    An exception from a handler may be raised between any two instructions, for example after a connection pool takes a
    lock and before the code that releases it; the cleanup that follows would wait for that lock for ever. Signals
    without a Python handler act as before, and so do all signals outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers = {number: handler for number, handler in previous.items() if callable(handler)}
    received: list[int] = []

    def defer(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # A second signal means that the sender does not want to wait.
        if len(received) > 1:
            handlers[signal.Signals(number)](number, frame)

    try:
        for number in handlers:
            signal.signal(number, defer)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # Handlers are restored first, so that the deferred signal acts as it would outside the block.
        if received:
            handlers[signal.Signals(received[0])](received[0], None)
