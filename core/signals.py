"""Ends by signals that let a block clean up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Turn SIGTERM into ``SystemExit`` for the length of the block, so that every ``finally`` runs.

    Kubernetes ends a step by SIGTERM. Outside of the main thread, which alone takes signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
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
