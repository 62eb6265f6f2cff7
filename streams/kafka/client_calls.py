"""Calls of the client that may never return: they run in a thread that nobody need wait for."""

import threading
from collections.abc import Callable


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
