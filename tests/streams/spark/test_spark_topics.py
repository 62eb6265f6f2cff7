"""Spark scores from topic to topic of a real broker by the guide's lines, and what is repeated after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.jvm.java_parts import engine_jars
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.real.spark_parts import run_script, spark
from tests.streams.made_streams import POISON, bundle_folder, event
from tests.streams.spark.guide_programs import block, program

pytestmark = pytest.mark.kafka

TO_TOPIC, TO_FOLDER, ONCE = "sink = ", "def write_batch", "dropDuplicates"
TOPICS = ("payments", "scores", "scores-dead-letter")


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker."""
    with kafka_server() as running:
        yield running


@pytest.fixture
def topics(server: KafkaServer) -> Iterator[KafkaServer]:
    """Three empty topics of two partitions."""
    server.create(*TOPICS, partitions=2)
    yield server
    admin = server.admin()
    for future in admin.delete_topics(list(TOPICS)).values():
        future.result(60)


def variables() -> dict[str, str]:
    """The environment of a program that runs Spark with Kafka."""
    jars = ",".join(map(str, sorted(engine_jars("spark").glob("*.jar"))))
    return spark().variables(spark_jars=jars)


def addresses(server: KafkaServer, folder: Path) -> dict[str, str]:
    """What stands for the guide's addresses."""
    return {
        "frauds@production": str(bundle_folder()),
        "broker:9092": server.address,
        "s3a://lake/checkpoints": f"{folder}/checkpoints",
    }


def test_topic_to_topic(topics: KafkaServer, tmp_path: Path) -> None:
    """Answers, tombstones and dead letters, each in the partition of its event; no event fails the job."""
    # Around the most bytes that a producer of Java sends.
    large = [b"x" * size for size in range(1_047_200, 1_048_200, 100)]
    values = [event(spend=place) for place in range(300)] + [POISON, event(plan="gold"), None, *large]
    producer = topics.producer()
    for place, value in enumerate(values):
        headers = [("place", b"%d" % place)] if place % 2 else None
        producer.produce("payments", value, key=b"%d" % place, partition=place % 2, headers=headers)
    producer.flush(30)
    ended = "query.processAllAvailable()\nquery.stop()\nspark.stop()\n"
    path = program(block(TO_TOPIC), ended, replaced=addresses(topics, tmp_path), path=tmp_path / "program.py")
    run_script(path, variables=variables(), folder=tmp_path)

    answers = {int(message.key()): message for message in topics.read("scores")}
    assert sorted(answers) == [*range(300), 302]
    for place, message in answers.items():
        assert message.partition() == place % 2
        assert message.headers() == ([("place", b"%d" % place)] if place % 2 else None)
        if place < 300:
            assert json.loads(message.value())["event_offset"] == place // 2
    assert answers[302].value() is None
    letters = [(dict(message.headers()), message) for message in topics.read("scores-dead-letter")]
    assert Counter(headers["headrace-reason"] for headers, _ in letters) == {b"value": 11, b"category": 1}
    assert sum("headrace-omitted" in headers for headers, _ in letters) in range(1, 10)
    for headers, message in letters:
        place = 2 * int(headers["headrace-offset"]) + int(headers["headrace-partition"])
        assert message.partition() == place % 2
        assert message.key() == b"%d" % place
        assert message.value() == (b"" if "headrace-omitted" in headers else values[place])


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_after_kills_none_is_lost_and_the_guides_ways_give_each_once(topics: KafkaServer, tmp_path: Path) -> None:
    """``kill -9`` of driver and workers in mid-batch: Spark's sink (4.2.0) repeats, folder and reader do not."""
    count = 6_000
    producer = topics.producer()
    for place in range(count):
        value = POISON if place % 97 == 0 else None if place % 101 == 0 else event(spend=place % 400)
        producer.produce("payments", value, key=b"%d" % place, partition=place % 2)
        producer.poll(0)
    producer.flush(60)
    places = addresses(topics, tmp_path) | {
        "s3a://lake/scores": f"{tmp_path}/scores",
        '"includeHeaders"': '"maxOffsetsPerTrigger": "800", "includeHeaders"',
    }
    # Both queries at once, each with its checkpoint.
    until_end = "for query in spark.streams.active:\n    query.processAllAvailable()\n    query.stop()\n"
    parts = (block(TO_TOPIC), block(TO_FOLDER), until_end)
    killed = program(*parts, replaced=places, path=tmp_path / "killed.py")
    for kill in range(2):
        _run_until_killed(killed, topics, at_least=1_000 * (kill + 1), folder=tmp_path)
    counts = (
        "import json\n"
        "print(json.dumps([once.count(), once.select('key').distinct().count()]))\n"
        f"rows = spark.read.parquet('{tmp_path}/scores')\n"
        "places = rows.select('event_partition', 'event_offset')\n"
        "print(json.dumps([rows.count(), places.distinct().count()]))\nspark.stop()\n"
    )
    whole = program(*parts, block(ONCE), counts, replaced=places, path=tmp_path / "whole.py")
    once, folder = map(json.loads, run_script(whole, variables=variables(), folder=tmp_path).splitlines())

    written = topics.read("scores") + topics.read("scores-dead-letter")
    assert len({message.key() for message in written}) == count, "none is lost"
    assert len(written) > count, "the sink is at least once; if it no longer is, the guide says too little"
    answered = len({message.key() for message in topics.read("scores")})
    assert once == [answered, answered]
    assert folder == [count, count]


def _run_until_killed(path: Path, topics: KafkaServer, *, at_least: int, folder: Path) -> None:
    """Run a program until it has answered so many events and is writing, then kill it with all its processes."""
    with (folder / "log").open("ab") as log:
        process: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, str(path)], env=variables(), cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    looking = Consumer({"bootstrap.servers": topics.address, "group.id": "looking"})
    try:
        before = after = 0
        while after < at_least or after == before:
            assert process.poll() is None, (folder / "log").read_text()[-6000:]
            ends = [looking.get_watermark_offsets(TopicPartition("scores", place), 30)[1] for place in (0, 1)]
            before, after = after, sum(ends)
            time.sleep(0.01)
    finally:
        looking.close()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
