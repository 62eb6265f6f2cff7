"""Topics of a real broker under load, and what must be in them at the end."""

import threading
from collections import defaultdict
from typing import Self

from tests.real.kafka_server import KafkaServer
from tests.streams.made_streams import GOOD, POISON


def make_topics(server: KafkaServer, name: str, partitions: int = 3, **config: str) -> tuple[str, str]:
    """Addresses of new topics of events and answers."""
    server.create(name, f"{name}-answers", f"{name}-answers-dead-letter", partitions=partitions, **config)
    return f"kafka://{server.address}/{name}", f"kafka://{server.address}/{name}-answers"


class Load:
    """A producer that sends numbered events until it is ended, some of them poison."""

    def __init__(self, server: KafkaServer, topic: str, partitions: int, per_second: int = 400) -> None:
        self.sent: dict[int, list[bytes]] = defaultdict(list)
        self._server, self._topic, self._partitions = server, topic, partitions
        self._pause = 1 / per_second
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        producer = self._server.producer(**{"enable.idempotence": True, "message.timeout.ms": 120_000})
        number = 0
        while not self._ended.wait(self._pause):
            partition, key = number % self._partitions, b"%d" % number
            producer.produce(self._topic, POISON if number % 50 == 7 else GOOD, key, partition)
            producer.poll(0)
            self.sent[partition].append(key)
            number += 1
        assert producer.flush(120) == 0


def assert_once(server: KafkaServer, topic: str, sent: dict[int, list[bytes]]) -> None:
    """Each event has one answer or one dead letter, in the order of its partition."""
    answers, letters = defaultdict(list), defaultdict(list)
    for one in server.read(f"{topic}-answers"):
        answers[one.partition()].append(one.key())
    for one in server.read(f"{topic}-answers-dead-letter"):
        letters[one.partition()].append(one.key())
    for partition, keys in sent.items():
        assert answers[partition] == [key for key in keys if int(key) % 50 != 7]
        assert letters[partition] == [key for key in keys if int(key) % 50 == 7]
