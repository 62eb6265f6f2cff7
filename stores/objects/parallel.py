"""Runs many small jobs in parallel, and starts no more once one has failed."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")


def run_parallel(items: Iterable[T], job: Callable[[T], object], *, threads: int) -> None:
    """Run a job for each item, several at once.

    Args:
        items: The items.
        job: The job; must be thread-safe.
        threads: Maximum number of parallel jobs.

    Raises:
        Exception: The first exception of a job, after the running jobs have ended; the others are not started.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="crowd")
    try:
        for future in as_completed([pool.submit(job, item) for item in items]):
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
