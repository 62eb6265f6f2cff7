"""Real parts that tests need: got by one process at a time, and what is done without one."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip for the want of a real part, or fail in CI.

    Args:
        reason: What is missing, and how to get it.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """One test process at a time: the others find what it made."""
    with (Path(tempfile.gettempdir()) / f"headrace-{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
