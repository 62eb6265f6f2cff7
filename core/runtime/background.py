"""Work ahead in a background thread, within a bound."""

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


def ahead(items: Iterable[T], *, depth: int = 1) -> Generator[T]:
    """Give the same items, made up to ``depth`` ahead by a background thread.

    Pays where making an item waits for a disk or a socket, or runs outside the interpreter's lock as Polars, zlib and
    hashlib do. When the generator is closed early, the thread stops after the item it is making.

    Args:
        items: What to iterate over; used by the thread alone.
        depth: Finished items that may wait.

    Returns:
        The items in order; an error of ``items`` is raised in its place.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None) -> bool:
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
        except BaseException as error:  # noqa: BLE001 - raised again where the items are used
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


def each(work: Callable[[S], T], items: Iterable[S], *, workers: int = 2) -> Generator[T]:
    """What ``work`` makes of each item, in order; as many items are in work at once as there are workers.

    Pays where a piece of work runs on all cores but for its begin and its end, which the next piece then fills.

    Args:
        work: Called by several threads.
        items: Used by the caller's thread alone.
        workers: Threads.

    Returns:
        The results; an error of ``work`` or ``items`` is raised in its place. When the generator is closed early, what
        is in work is waited for.
    """
    iterator, more = iter(items), True
    begun: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="each") as threads:
        try:
            while more or begun:
                while more and len(begun) <= workers:
                    try:
                        begun.append(threads.submit(work, next(iterator)))
                    except StopIteration:
                        more = False
                    except Exception as error:  # noqa: BLE001 - raised again behind the results before it
                        more = False
                        begun.append(Future())
                        begun[-1].set_exception(error)
                if begun:
                    yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


class BackgroundWriter:
    """Work done by a background thread, one piece after the other, while the next one is made ready.

    An error of a piece is raised by the next call, or when the block ends.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="behind")
        self._last: Future[None] | None = None

    def do(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Wait for the piece before, then hand over this one."""
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
