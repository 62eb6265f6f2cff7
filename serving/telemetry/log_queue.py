"""Delivery of log records without delaying requests: a bounded queue and a thread; dropped records are counted."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator

Record = Callable[[], None]
_MOST_RECORDS = 10_000


class LogQueue:
    """A bounded queue of log records, delivered by a thread."""

    def __init__(self, *, most: int = _MOST_RECORDS) -> None:
        """Initialize an empty queue.

        Args:
            most: Maximum number of records; further ones are dropped.
        """
        self._queue: queue.Queue[Record | None] = queue.Queue(most)
        self._lost = 0
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    @property
    def dropped(self) -> int:
        """Number of records that were dropped or could not be delivered."""
        return self._lost

    def put(self, record: Record) -> None:
        """Queue a record, a function that the thread calls; drop it if the queue is full."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._lost += 1

    @contextlib.contextmanager
    def open(self, *, seconds: float = 5.0) -> Iterator[None]:
        """Deliver records for the duration of the block, and the remaining ones for up to ``seconds`` after it."""
        self._thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=seconds)
            self._thread.join(seconds)

    def _work(self) -> None:
        while (record := self._queue.get()) is not None:
            try:
                record()
            except OSError:  # the receiver is unavailable; records map urllib3's errors to OSError
                self._lost += 1
