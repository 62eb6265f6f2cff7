"""Records that leave the server without holding it up: a bounded queue and a thread; what does not fit is counted."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator

Record = Callable[[], None]
_MOST_RECORDS = 10_000


class LogQueue:
    """A queue of things to do for which no request waits."""

    def __init__(self, *, most: int = _MOST_RECORDS) -> None:
        """Prepare.

        Args:
            most: Longest queue; what comes while it is full is dropped.
        """
        self._queue: queue.Queue[Record | None] = queue.Queue(most)
        self._lost = 0
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    @property
    def dropped(self) -> int:
        """How many records were dropped, or could not be delivered."""
        return self._lost

    def put(self, record: Record) -> None:
        """Have ``record`` called by the thread; dropped if the queue is full."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._lost += 1

    @contextlib.contextmanager
    def open(self, *, seconds: float = 5.0) -> Iterator[None]:
        """Work for the length of the block; what is left then has ``seconds`` to leave."""
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
            except OSError:  # a sink that is away; urllib3's errors are mapped by the record
                self._lost += 1
