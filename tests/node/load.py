"""Clients that ask a Service all the time, straight through the node's own network, and forgive nothing."""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3


@dataclass
class Load:
    """What clients got.

    Attributes:
        answers: How many answers, by status, or by the name of the error that came instead.
        slowest: Longest time of a request, in seconds.
    """

    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, found: str, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.answers[found] += 1
            self.slowest = max(self.slowest, seconds)

    def flawless(self, least: int = 50) -> bool:
        """Whether there were many requests, and every one was answered as it should be."""
        return set(self.answers) == {"200"} and self.answers["200"] >= least


@contextlib.contextmanager
def load(address: str, name: str, *instances: dict[str, Any], host: str = "", clients: int = 4) -> Iterator[Load]:
    """Clients that ask for the length of the block; half of them keep their connection, the others keep none.

    Args:
        address: The Service's cluster address, or the gateway's.
        name: Name of the model.
        *instances: What is asked, in turn.
        host: Host that the gateway is asked for; empty for the address.
        clients: How many.
    """
    found, ended = Load(), threading.Event()
    url = f"http://{address}/v1/models/{name}:predict"

    def ask(*, kept: bool) -> None:
        headers = {**({"Host": host} if host else {}), **({} if kept else {"Connection": "close"})}
        turn = itertools.cycle(instances)
        with urllib3.PoolManager(retries=False, timeout=30) as pool:
            while not ended.is_set():
                began = time.monotonic()
                try:
                    told = str(pool.request("POST", url, json={"instances": [next(turn)]}, headers=headers).status)
                except urllib3.exceptions.HTTPError as error:
                    told = f"{type(error).__name__}: {error}"
                found.note(told, time.monotonic() - began)
                time.sleep(0.03)

    threads = [threading.Thread(target=ask, kwargs={"kept": bool(number % 2)}) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
