"""Events of all kinds for a job on the JVM, and what must have become of them."""

import json
import threading
import time
from collections import Counter, defaultdict
from typing import Any, Self

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.jvm.conftest import ROWS, UNKNOWN_PLAN, ExportedModel
from tests.real.kafka_server import KafkaServer

PARTITIONS = 3
LARGE = b"x" * (2 << 20)
"""More bytes than a producer sends by default."""
_VALUES: list[tuple[bytes | None, str]] = [
    (json.dumps(ROWS[0]).encode(), "answer"),
    (json.dumps(list(ROWS[0].values())).encode(), "answer"),
    (json.dumps(UNKNOWN_PLAN).encode(), "category"),
    (json.dumps(ROWS[1]).encode(), "answer"),
    (b'{"age": ', "value"),
    (json.dumps(ROWS[2]).encode(), "answer"),
    (b'\xff{"age": 40}', "value"),
    (b"[1]", "shape"),
    (None, "tombstone"),
    (b"", "value"),
]
KINDS = len(_VALUES)


class TopicEvents:
    """Sends numbered events to a topic, some of them bad, and knows what must become of each.

    Args:
        server: The broker.
        topic: Topic of the events; those of answers and of dead letters are made beside it.
    """

    def __init__(self, server: KafkaServer, topic: str) -> None:
        self.topic, self.answers, self.letters = topic, f"{topic}-answers", f"{topic}-dead-letter"
        self._server = server
        self._began = int(time.time() * 1000) - 3_600_000  # a broker deletes what is older than a week
        size = str(2 * len(LARGE))
        server.create(self.topic, self.answers, self.letters, partitions=PARTITIONS, max_message_bytes=size)
        self._producer = server.producer(**{"enable.idempotence": True})
        self._committed = _Committed(server, self.answers, self.letters)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.sent = 0

    def send(self, count: int) -> None:
        """Send more events; twenty keys have a partition each, and a number in a header."""
        for number in range(self.sent, self.sent + count):
            key = number % 20
            self._producer.produce(
                self.topic,
                _VALUES[number % KINDS][0],
                b"k%d" % key,
                key % PARTITIONS,
                timestamp=self._began + number,
                headers=[("number", b"%d" % number)],
            )
        self._producer.flush()
        self.sent += count

    def send_bare(self, value: bytes | None) -> None:
        """Send an event without a key and headers."""
        self._producer.produce(self.topic, value, partition=0)
        self._producer.flush()

    def __enter__(self) -> Self:
        """Send on until the end of the block."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """Send no more; what was sent is with the broker."""
        self._ended.set()
        self._thread.join()

    def close(self) -> None:
        """Close the reader of what is committed."""
        self._committed.close()

    def _work(self) -> None:
        while not self._ended.wait(0.05):
            self.send(8)

    def done(self) -> int:
        """Number of committed answers and dead letters."""
        return self._committed.count()

    def cut_rows(self) -> int:
        """Number of answers whose transaction was cut: no reader of what is committed sees them."""
        return _count_written(self._server, self.answers) - len(self._server.read(self.answers))

    def assert_once(self, exported: ExportedModel) -> None:
        """Each numbered event is answered once, as Python answers it, in the order of its key; so are dead letters."""
        answers = _numbered(self._server.read(self.answers))
        letters = _numbered(self._server.read(self.letters))
        expected = [_VALUES[number % KINDS] for number in range(self.sent)]
        kept = {"answer", "tombstone"}
        assert sorted(answers) == [number for number, (_, kind) in enumerate(expected) if kind in kept]
        assert sorted(letters) == [number for number, (_, kind) in enumerate(expected) if kind not in kept]
        known: dict[bytes, Any] = {}
        for number, message in answers.items():
            value, kind = expected[number]
            assert message.key() == b"k%d" % (number % 20)
            assert message.timestamp()[1] == self._began + number
            if kind == "tombstone":
                assert message.value() is None
                continue
            assert value is not None
            given = json.loads(value)
            row = given if isinstance(given, dict) else dict(zip(ROWS[0], given, strict=True))
            answer = json.loads(message.value())
            python = known.setdefault(value, exported.answer(row))
            assert answer["label"] == python["label"]
            assert answer["probabilities"] == pytest.approx(python["probabilities"], abs=1e-12)
            assert answer["model_digest"] == exported.jar.digest
        for number, message in letters.items():
            headers = dict(message.headers())
            assert message.value() == expected[number][0]
            assert headers["headrace-reason"].decode() == expected[number][1]
            assert headers["headrace-digest"].decode() == exported.jar.digest
        for found in (answers, letters):
            by_key = defaultdict(list)
            for number, message in found.items():
                by_key[message.key()].append(number)
            assert all(numbers == sorted(numbers) for numbers in by_key.values()), "order per key"


class _Committed:
    """Counts the committed records of topics, each of which it reads once."""

    def __init__(self, server: KafkaServer, *topics: str) -> None:
        self._consumer = Consumer(_reader(server, "read_committed"))
        self._consumer.assign([TopicPartition(topic, place, 0) for topic in topics for place in range(PARTITIONS)])
        self._count = 0

    def count(self) -> int:
        """Number of records that are committed by now; while events flow there is no end to read to."""
        messages = self._consumer.consume(10_000, 0.3)
        self._count += sum(message.error() is None for message in messages)
        return self._count

    def close(self) -> None:
        self._consumer.close()


def _reader(server: KafkaServer, isolation: str) -> dict[str, Any]:
    """Settings of a reader that begins where it is told."""
    name = f"{isolation}-reader"
    return {
        "bootstrap.servers": server.address,
        "group.id": name,
        "isolation.level": isolation,
        "enable.auto.commit": False,
    }


def _numbered(messages: list[Any]) -> dict[int, Any]:
    """Messages by the number of their event, which is that of one message only."""
    numbers = [int(dict(one.headers() or []).get("number", b"-1")) for one in messages]
    repeated = {number: count for number, count in Counter(numbers).items() if count > 1 and number >= 0}
    assert not repeated
    return {number: one for number, one in zip(numbers, messages, strict=True) if number >= 0}


def _count_written(server: KafkaServer, topic: str) -> int:
    """Number of records of a topic, those of open and aborted transactions included."""
    settings = {**_reader(server, "read_uncommitted"), "enable.partition.eof": True}
    consumer, count, ended = Consumer(settings), 0, 0
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        while ended < PARTITIONS:
            for message in consumer.consume(1000, 1.0):
                ended += message.error() is not None
                count += message.error() is None
    finally:
        consumer.close()
    return count
