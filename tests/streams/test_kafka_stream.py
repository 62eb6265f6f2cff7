"""The stream on a real broker, with real kills."""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from tests.conftest import headrace
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.streams.kafka_load import Load, assert_once, make_topics
from tests.streams.made_streams import GOOD, POISON, bundle_folder, event
from tests.streams.stream_process import StreamProcess, stream_process

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("default_signals")]
_MEGABYTES = 10 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker that knows rights, for users; without a login everything is allowed."""
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",
        "allow.everyone.if.no.acl.found": "true",
    }
    with kafka_server(**settings) as running:
        yield running


def _stream(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return headrace("stream", str(bundle_folder()), *arguments, **environment)


def test_each_event_is_answered_where_it_came_from(server: KafkaServer, tmp_path: Path) -> None:
    """Keys, headers, partitions and times are kept; poison, tombstones and 10 MB do not stop what follows them."""
    source, target = make_topics(
        server, "all", max_message_bytes=str(2 * _MEGABYTES), message_timestamp_after_max_ms="9999999999999"
    )
    server.admin()
    producer, now = server.producer(), int(time.time() * 1000)
    values: list[tuple[bytes | None, int]] = [
        (GOOD, now - 86_400_000 * 365),
        (POISON, now),
        (event(age=31), now + 86_400_000),
        (None, now),
        (b"x" * _MEGABYTES, now),
        (event(plan="x" * _MEGABYTES), now),
        (event(age=1e9), now),
        (event(age=32), now),
    ]
    for partition in range(3):
        for place, (value, timestamp) in enumerate(values):
            producer.produce(
                "all", value, b"k%d" % place, partition, timestamp=timestamp, headers=[("n", b"%d" % place)]
            )
    producer.flush()
    ended = _stream("--from", source, "--to", target, "--until-end")
    assert ended.returncode == 0, ended.stderr
    assert "24 events, 9 answers; 12 dead letters" in ended.stdout, ended.stdout
    answers = server.read("all-answers")
    assert [(one.partition(), one.key(), one.headers()) for one in answers] == [
        (partition, b"k%d" % place, [("n", b"%d" % place)]) for partition in range(3) for place in (0, 2, 3, 7)
    ]
    assert [json.loads(one.value())["event_offset"] for one in answers if one.value()] == [0, 2, 7] * 3
    assert answers[2].value() is None
    assert answers[0].timestamp()[1] == values[0][1]
    assert now <= answers[1].timestamp()[1] < values[2][1]
    letters = server.read("all-answers-dead-letter")
    assert [one.value() for one in letters] == [values[place][0] for _ in range(3) for place in (1, 4, 5, 6)]
    assert [int(dict(one.headers())["headrace-offset"]) for one in letters] == [1, 4, 5, 6] * 3
    assert b"age" in dict(letters[3].headers())["headrace-sentence"]
    # Who comes again finds nothing to do, and what is produced meanwhile is answered alone.
    producer.produce("all", GOOD, b"late", 1)
    producer.flush()
    assert _stream("--from", source, "--to", target, "--until-end").stdout.startswith("1 event, 1 answer")


def test_partitions_without_answers_end_what_goes_to_the_end(server: KafkaServer) -> None:
    """After all else is answered, with a sentence; when they are added, only what had waited is left to do."""
    server.create("few", partitions=3)
    server.create("few-answers", "few-answers-dead-letter", partitions=2)
    producer = server.producer()
    for place in range(9):
        producer.produce("few", GOOD, b"k%d" % place, place % 3)
    producer.flush()
    places = ("--from", f"kafka://{server.address}/few", "--to", f"kafka://{server.address}/few-answers")
    ended = headrace("stream", str(bundle_folder()), *places, "--until-end", timeout=120)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "it has 2, so partitions [2] wait, and 6 events are done" in ended.stderr
    assert "does not answer" not in ended.stderr
    assert {one.partition() for one in server.read("few-answers")} == {0, 1}
    server.grow("few-answers", 3)
    assert _stream(*places, "--until-end").stdout.startswith("3 events, 3 answers")


def test_dead_letters_that_are_too_large_for_their_topic_say_so(server: KafkaServer) -> None:
    """A topic of dead letters that takes less than that of the events stops nothing."""
    server.create("wide", partitions=1, max_message_bytes=str(2 * _MEGABYTES))
    server.create("wide-answers", "wide-answers-dead-letter", partitions=1)
    producer = server.producer()
    for value in (b"x" * _MEGABYTES, GOOD):
        producer.produce("wide", value, b"k")
    producer.flush()
    places = ("--from", f"kafka://{server.address}/wide", "--to", f"kafka://{server.address}/wide-answers")
    ended = _stream(*places, "--until-end")
    assert "2 events, 1 answer; 1 dead letter (value 1); 1 dead letter without" in ended.stdout, ended.stderr
    (letter,) = server.read("wide-answers-dead-letter")
    assert letter.value() == b""
    assert dict(letter.headers())["headrace-omitted"] == b"value of %d bytes" % _MEGABYTES


def test_what_is_committed_upstream_is_read_and_lag_counts_rows(server: KafkaServer, tmp_path: Path) -> None:
    """Rows of an aborted transaction are never answered; at the end the lag is 0, though a marker's offset remains."""
    source, target = make_topics(server, "upstream", partitions=1)
    producer = server.producer(**{"transactional.id": "upstream"})
    producer.init_transactions(60)
    for age, ends in ((31, True), (99, False), (32, True)):
        producer.begin_transaction()
        producer.produce("upstream", event(age=age), b"%d" % age, 0)
        producer.flush()
        producer.commit_transaction(60) if ends else producer.abort_transaction(60)
    with stream_process(source, target, tmp_path / "log") as worker:
        worker.wait_ready()
        worker.wait_until(lambda: worker.metric("answers_total") == 2)
        worker.wait_until(lambda: worker.metric("lag_rows{") == 0)
        assert worker.end() == 0
    assert "2 events, 2 answers" in worker.log.read_text()
    assert [one.key() for one in server.read("upstream-answers")] == [b"31", b"32"]


def test_a_topic_grows(server: KafkaServer, tmp_path: Path) -> None:
    """Events of a partition that the answers do not have wait, and say so; others are answered meanwhile."""
    source, target = make_topics(server, "grows", partitions=1)
    with stream_process(source, target, tmp_path / "log", HEADRACE_KAFKA_SETTINGS_FILE=str(_quick(tmp_path))) as worker:
        worker.wait_ready()
        server.grow("grows", 2)
        producer = server.producer()
        for partition in (0, 1):
            for age in range(20, 25):
                producer.produce("grows", event(age=age), b"k", partition)
        producer.flush()
        worker.wait_until(lambda: worker.metric("held_partitions") == 1)
        worker.wait_until(lambda: worker.metric("answers_total") == 5)
        assert worker.page("/readyz") == (503, "partitions [1] wait for partitions of the topic of answers\n")
        server.grow("grows-answers", 2)
        worker.wait_until(lambda: worker.metric("answers_total") == 10)
        worker.wait_ready()
        assert worker.end() == 0
    assert worker.log.read_text().count("wait: grows-answers has only 1 partitions") == 1
    assert Counter(one.partition() for one in server.read("grows-answers")) == {0: 5, 1: 5}


def _quick(folder: Path) -> Path:
    """Settings of a client that looks for partitions each second."""
    path = folder / "kafka.properties"
    path.write_text("# looks each second\ntopic.metadata.refresh.interval.ms = 1000\n")
    return path


def test_rights_and_names_that_are_missing_are_one_sentence(server: KafkaServer) -> None:
    """A topic that does not exist, a password that is wrong, and answers that may not be written."""
    source, target = make_topics(server, "rights", partitions=1)
    missing = _stream("--from", source, "--to", f"kafka://{server.address}/nowhere", "--until-end")
    assert missing.returncode == 2
    assert "kafka-topics --create --topic nowhere" in missing.stderr
    producer = server.producer()
    producer.produce("rights", GOOD, b"k")
    producer.flush()
    login = {"HEADRACE_KAFKA_USER": "reader", "HEADRACE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    places = ("--from", source.replace(server.address, server.secure_address))
    places += ("--to", target.replace(server.address, server.secure_address), "--until-end")
    wrong = _stream(*places, **login, HEADRACE_KAFKA_PASSWORD="wrong")
    assert wrong.returncode == 2
    assert "must accept the login" in wrong.stderr
    rights = [
        AclBinding(
            ResourceType.TOPIC,
            "rights-answers",
            ResourcePatternType.LITERAL,
            "User:reader",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)
    ]
    admin = server.admin()
    for future in admin.create_acls(rights).values():
        future.result(30)
    refused = _stream(*places, **login, HEADRACE_KAFKA_PASSWORD="reader-secret")
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "TOPIC_AUTHORIZATION_FAILED" in refused.stderr
    assert "the right to write" in refused.stderr
    assert server.read("rights-answers") == []
    # Nothing was committed either: with the right, the event is answered.
    assert "1 event, 1 answer" in _stream("--from", source, "--to", target, "--until-end").stdout


def _kill_workers(server: KafkaServer, topic: str, folder: Path, kills: int) -> None:
    """Two workers under load, one of which is killed, or ended in order, again and again."""
    source, target = make_topics(server, topic)
    draw = random.Random(kills)  # noqa: S311 - test data
    options = ("--batch-rows", "40", "--batch-seconds", "0.02")

    def start(number: int) -> StreamProcess:
        name = ("--instance", f"worker-{number}") if number else ()  # one has a name, one is new each time
        return stack.enter_context(stream_process(source, target, folder / f"log-{number}", *options, *name))

    with Load(server, topic, 3) as load, ExitStack() as stack:
        workers = [start(number) for number in range(2)]
        for turn in range(kills):
            worker = workers[turn % 2]
            worker.wait_until(lambda worker=worker: worker.metric("batches_total") > draw.randint(0, 20))
            if turn % 5 == 4:
                assert worker.end() == 0, worker.log.read_text()
            else:
                time.sleep(draw.random() * 0.1)
                worker.kill()
            workers[turn % 2] = start(turn % 2)
        for worker in workers:
            worker.wait_until(lambda worker=worker: worker.page("/readyz")[0] == 200)
            assert worker.end() == 0
    last = _stream("--from", source, "--to", target, "--until-end")
    assert last.returncode == 0, last.stderr
    assert_once(server, topic, load.sent)


def test_killed_workers_lose_and_repeat_nothing(server: KafkaServer, tmp_path: Path) -> None:
    """A reader that sees what is committed counts each event once, in order."""
    _kill_workers(server, "kills", tmp_path, 6)


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_fifty_killed_workers_lose_and_repeat_nothing(server: KafkaServer, tmp_path: Path) -> None:
    """The same at fifty random moments."""
    _kill_workers(server, "kills50", tmp_path, 50)


def _kill_broker(topic: str, folder: Path, kills: int, down: float) -> None:
    with kafka_server() as server:
        source, target = make_topics(server, topic)
        with Load(server, topic, 3, 200) as load, stream_process(source, target, folder / topic) as worker:
            for turn in range(kills):
                worker.wait_until(lambda turn=turn: worker.metric("batches_total") > 10 * (turn + 1))
                server.kill()
                worker.wait_until(lambda: worker.page("/readyz")[0] == 503)
                time.sleep(down)
                server.start()
            done = worker.metric("events_total")
            worker.wait_until(lambda: worker.metric("events_total") > done)
            worker.wait_ready()
            assert worker.end() == 0
        # Once for each outage, or twice: a broker that is back answers before its coordinators do.
        assert 1 <= worker.log.read_text().count("does not answer") <= 2 * kills, worker.log.read_text()
        last = _stream("--from", source, "--to", target, "--until-end")
        assert last.returncode == 0, last.stderr
        assert_once(server, topic, load.sent)


def test_a_killed_broker_is_waited_for(tmp_path: Path) -> None:
    """It is said once, readiness falls, and nothing is lost or repeated."""
    _kill_broker("crash", tmp_path, 1, 8)


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_ten_killed_brokers_are_waited_for(tmp_path: Path) -> None:
    """The same ten times."""
    _kill_broker("crash10", tmp_path, 10, 1)


@pytest.mark.exhaustive
def test_a_broker_that_is_gone_for_a_minute_is_waited_for(tmp_path: Path) -> None:
    """Longer than any session, transaction or delivery lasts."""
    _kill_broker("minute", tmp_path, 1, 60)
