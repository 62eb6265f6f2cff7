"""Calls of the client that may never return, or late: they run in a thread that nobody need wait for."""

import threading
from collections.abc import Callable
from typing import TypeVar

_SIGNAL_SECONDS = 0.1
_Result = TypeVar("_Result")


def start_call(call: Callable[[], object], failures: list[BaseException]) -> threading.Thread:
    """Call in a thread that the process does not wait for, and note what it raises.

    Args:
        call: What to call.
        failures: What it raises is appended.
    """

    def work() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised by the caller's thread
            failures.append(error)

    thread = threading.Thread(target=work, name="kafka", daemon=True)
    thread.start()
    return thread


def call_interruptibly(call: Callable[[], _Result]) -> _Result:
    """Return the result of a call; a signal's handler runs in a fraction of a second, not after the call.

    Args:
        call: What to call; after an exception of a handler it is left to itself.
    """
    results: list[_Result] = []
    failures: list[BaseException] = []
    thread = start_call(lambda: results.append(call()), failures)
    # One wait without an end would go on after Ctrl-C: SIGINT does not end an untimed join in this process.
    while thread.is_alive():
        thread.join(_SIGNAL_SECONDS)
    if failures:
        raise failures[0]
    return results[0]
