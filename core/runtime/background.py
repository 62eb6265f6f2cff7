"""Bounded background work in threads."""

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def prefetch(items: Iterable[T], *, depth: int = 1) -> Generator[T]:
    """Yield the same items, produced up to ``depth`` ahead by a background thread.

    This helps if producing an item waits for a disk or a socket, or runs without the interpreter lock, as in Polars,
    zlib and hashlib. If the generator is closed early, the thread stops after the current item.

    Args:
        items: Items to produce; used only by the thread.
        depth: Largest number of finished items in the queue.

    Returns:
        The items in order; an error of ``items`` is raised at its position.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None) -> bool:
        # A blocking put would never end if the consumer stops early, so it wakes up to look.
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put((item, error), timeout=0.1)
                return True
        return False

    def work() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put(item, None):
                    return
            put(None, StopIteration())
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            put(None, error)
        finally:
            with contextlib.suppress(AttributeError):
                iterator.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def ordered_map(work: Callable[[S], T], items: Iterable[S], *, workers: int = 2) -> Generator[T]:
    """Yield the result of ``work`` for each item, in order; up to ``workers`` calls run at the same time.

    This helps if a call runs on all cores except at its start and end, which the next call then fills.

    Args:
        work: Function that several threads call.
        items: Its arguments; used only by the caller's thread.
        workers: Number of threads.

    Returns:
        The results; an error of ``work`` or ``items`` is raised at its position. If the generator is closed early, it
        waits for running calls.
    """
    iterator, has_more = iter(items), True
    started: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="each") as threads:
        try:
            while has_more or started:
                while has_more and len(started) <= workers:
                    try:
                        started.append(threads.submit(work, next(iterator)))
                    except StopIteration:
                        has_more = False
                    except Exception as error:  # noqa: BLE001 - raised again after the earlier results
                        has_more = False
                        started.append(Future())
                        started[-1].set_exception(error)
                if started:
                    yield started.popleft().result()
        finally:
            for future in started:
                future.cancel()


class BackgroundWriter:
    """Runs calls in a background thread, one after the other, while the caller prepares the next one.

    An error of a call is raised by the next ``do``, or at the end of the block.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="behind")
        self._last: Future[None] | None = None

    def do(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Wait for the previous call, then start this one."""
        self._wait()
        self._last = self._thread.submit(work, *args, **kwargs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        if self._last is not None:
            last, self._last = self._last, None
            last.result()
