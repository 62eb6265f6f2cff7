"""Signals that end a process: blocks that clean up, what is ignored, and what helpers take.

Who starts a command may have it ignore a signal: ``nohup`` does with SIGHUP, and a shell without job control with the
SIGINT of what it starts by ``&``. What is ignored at the start stays ignored, as everywhere on Unix. The processes that
a command starts for itself are another matter: it ends them by SIGTERM, so they must take it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def is_ignored(number: signal.Signals) -> bool:
    """Whether whoever started this process wants a signal ignored."""
    return signal.getsignal(number) is signal.SIG_IGN


def take_defaults() -> None:
    """Let SIGTERM and SIGINT end this process, even if its owner ignores them: what a helper process calls first."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into ``SystemExit`` for the length of the block, so that every ``finally`` runs.

    Kubernetes ends a step by SIGTERM. Outside of the main thread, which alone takes signals, nothing changes, nor does
    anything where the signal is ignored.
    """
    if threading.current_thread() is not threading.main_thread() or is_ignored(signal.SIGTERM):
        yield
        return

    def end(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def held_back() -> Iterator[None]:
    """Let SIGTERM and SIGINT act at the end of the block, unless a second one comes: that acts at once.

    What a handler raises may strike between any two instructions, such as those that take a lock of a pool of
    connections and those that see to its release; the cleaning up that follows would wait for that lock for ever.
    Signals without a handler of Python's do what they did, and so do all of them outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers = {number: handler for number, handler in before.items() if callable(handler)}
    came: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            handlers[signal.Signals(number)](number, frame)

    try:
        for number in handlers:
            signal.signal(number, hold)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            handlers[signal.Signals(came[0])](came[0], None)
