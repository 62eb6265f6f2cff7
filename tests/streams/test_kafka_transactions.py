"""What a killed broker leaves of a transaction."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from headrace.streams.broker import OutcomeUnknown, OutgoingRecord
from headrace.streams.kafka.transaction_writer import TransactionWriter
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.streams.made_streams import GOOD
from tests.streams.stream_process import stream_process

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("default_signals")]
_COMMON = {"transaction.timeout.ms": 5000}  # it is given up before the broker is back
_PLACES = [TopicPartition("events", 0, 5), TopicPartition("events", 1, 5)]


@pytest.fixture
def server() -> Iterator[KafkaServer]:
    """A broker with a topic of events and its topics of answers."""
    with kafka_server() as running:
        running.create("events", "answers", "answers-dead-letter", partitions=2)
        producer = running.producer()
        for partition in range(2):
            for number in range(5):
                producer.produce("events", GOOD, b"%d" % number, partition)
        producer.flush()
        yield running


@contextlib.contextmanager
def _group(server: KafkaServer, name: str) -> Iterator[Consumer]:
    """A client that asks what the group has committed."""
    config = {"group.id": name, "isolation.level": "read_committed", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": server.address, **config})
    yield consumer
    consumer.close()


def _committed(consumer: Consumer) -> list[int]:
    return [place.offset for place in consumer.committed(_PLACES, timeout=5)]


def _writer(server: KafkaServer) -> TransactionWriter:
    return TransactionWriter(
        {"bootstrap.servers": server.address, **_COMMON},
        "headrace-g-one",
        group="g",
        place=server.address,
        ended=lambda: False,
        note_reachable=lambda _: None,
    )


def _answers(text: bytes) -> list[OutgoingRecord]:
    return [OutgoingRecord("answers", partition, text, b"k", None, 0) for partition in range(2)]


def _open(server: KafkaServer, identity: str, records: list[OutgoingRecord], group: Any) -> Producer:
    """A producer with a transaction that holds records and positions."""
    producer = server.producer(**_COMMON, **{"transactional.id": identity})
    producer.init_transactions(30)
    producer.begin_transaction()
    for record in records:
        producer.produce(record.topic, record.value, record.key, record.partition)
    assert producer.flush(30) == 0
    producer.send_offsets_to_transaction(_PLACES, group, 30)
    return producer


def test_a_writer_ends_what_a_killed_broker_left_open(server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the transaction is ever seen, positions are known, and the next one is seen once.

    Seen with Kafka 4.4.0 on a cluster of one, in nearly all runs: the transaction is complete, it says, and its
    positions stay open for ever. Until its old session ends (9 s) a broker that is back leads by its old metadata. What
    it rolls back then for lack of time it drops when the session ends ("these partitions are likely deleted already and
    hence can be skipped", ``TransactionMarkerChannelManager``).
    """
    killed = threading.Event()
    with _group(server, "g") as ours:
        writer = _writer(server)
        wait_for = writer._wait_for

        def kill_after(call: Callable[[], None]) -> None:
            wait_for(call)
            if not killed.is_set():
                killed.set()
                writer._producer.flush(30)
                server.kill()
                server.start()

        monkeypatch.setattr(writer, "_wait_for", kill_after)
        with pytest.raises(OutcomeUnknown):
            writer.write(_answers(b"old"), _PLACES, ours.consumer_group_metadata())
        assert _committed(ours) == [-1001, -1001]
        writer.write(_answers(b"new"), _PLACES, ours.consumer_group_metadata())
        assert _committed(ours) == [5, 5]
        assert [one.value() for one in server.read("answers")] == [b"new", b"new"]
        writer.close()


def test_answers_that_were_lost_with_their_marker_are_written_again(
    server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions say that the last transaction was committed, but one of its partitions has nothing of it.

    So does a broker that is killed some milliseconds after a commit (one of 13 kills). Here it is written so, and that
    nobody answers is played.
    """
    with _group(server, "g") as consumer:
        writer = _writer(server)
        group = consumer.consumer_group_metadata()
        writer.write(_answers(b"one")[:1], _PLACES, group)
        writer._ended_last = writer._ended_last._replace(records=_answers(b"one"))
        wait_for, calls = writer._wait_for, []

        def give_up_once(call: Callable[[], None]) -> None:
            calls.append(call)
            if len(calls) == 1:
                raise TimeoutError
            wait_for(call)

        monkeypatch.setattr(writer, "_wait_for", give_up_once)
        later = [TopicPartition("events", partition, 7) for partition in range(2)]
        with pytest.raises(OutcomeUnknown):
            writer.write(_answers(b"two"), later, group)
        assert _committed(consumer) == [5, 5]
        writer.write(_answers(b"two"), later, group)
        assert [one.value() for one in server.read("answers")] == [b"one", b"two"] * 2
        writer.close()


@pytest.mark.exhaustive
def test_a_named_worker_ends_what_its_predecessor_left_open(server: KafkaServer, tmp_path: Path) -> None:
    """One that was killed with its broker: the next one of its name says so, and each event is answered once."""
    with _group(server, "g") as consumer:
        producer = _open(server, "headrace-g-one", _answers(b"old"), consumer.consumer_group_metadata())
        server.kill()
        server.start()
        producer.purge()
    source, target = (f"kafka://{server.address}/{topic}" for topic in ("events", "answers"))
    options = ("--group", "g", "--instance", "one")
    with stream_process(source, target, tmp_path / "log", *options) as worker:
        worker.wait_until(lambda: worker.metric("answers_total") == 10)
        assert worker.end() == 0
    assert worker.log.read_text().count("do not begin") == 1, worker.log.read_text()
    offsets = [(one.partition(), json.loads(one.value())["event_offset"]) for one in server.read("answers")]
    assert offsets == [(partition, offset) for partition in range(2) for offset in range(5)]
