"""A producer that writes events to a topic all the time, in transactions, and counts what the broker has confirmed."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.real.kafka_server import KafkaServer
from tests.streams.made_streams import ROW

_ROWS = 20
_POISON_EVERY = 50


@dataclass
class TopicLoad:
    """Events that are written to a topic.

    Attributes:
        server: The broker.
        topic: The topic.
        sent: Number of events that were confirmed; their keys are the numbers from 0.
        poisoned: How many of them break the contract.
    """

    server: KafkaServer
    topic: str
    sent: int = 0
    poisoned: int = 0
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin the first transaction's producer."""
        self._producer = self.server.producer(**{"transactional.id": f"load-{self.topic}", "linger.ms": 5})
        self._producer.init_transactions(60)

    def send(self, count: int) -> None:
        """Write events in one transaction, by key over the partitions."""
        self._producer.begin_transaction()
        poisoned = 0
        for number in range(self.sent, self.sent + count):
            bad = number % _POISON_EVERY == 0
            row = {**ROW, "age": "old" if bad else 18 + number % 70}
            self._producer.produce(self.topic, json.dumps(row).encode(), b"%d" % number)
            poisoned += bad
        self._producer.commit_transaction(60)
        self.sent += count
        self.poisoned += poisoned

    def _work(self, ended: threading.Event) -> None:
        try:
            while not ended.wait(0.05):
                self.send(_ROWS)
        except BaseException as error:
            self.failures.append(error)
            raise


@contextlib.contextmanager
def under_load(load: TopicLoad) -> Iterator[None]:
    """Write events for the length of the block."""
    ended = threading.Event()
    thread = threading.Thread(target=load._work, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(120)
    assert not load.failures, load.failures
