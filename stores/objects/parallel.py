"""Many small jobs at once, none of them begun once one has failed."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")


def each(items: Iterable[T], job: Callable[[T], object], *, threads: int) -> None:
    """Do a job for each item, several at once.

    Args:
        items: What the job is done for.
        job: The job; safe to be done by several threads.
        threads: Most that are done at once.

    Raises:
        Exception: Whatever a job raised first; those that run are waited for, the others are not begun.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="crowd")
    try:
        for done in as_completed([pool.submit(job, item) for item in items]):
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)
