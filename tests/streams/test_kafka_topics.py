"""Topics as they are in the field, on a real broker: compacted, compressed, and answered by changing versions."""

import itertools
import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.models.submission import ModelSubmission
from headrace.streams.stream_model import KeyDivision
from tests.conftest import headrace
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.registry.made import variant
from tests.streams.kafka_load import Load, assert_once, make_topics
from tests.streams.made_streams import GOOD, bundle_folder, event
from tests.streams.stream_process import StreamProcess, stream_process

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("default_signals")]


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker that compacts at once."""
    with kafka_server(log_cleaner_backoff_ms="100") as running:
        yield running


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowRegistry:
    """A registry with the versions 1.0.0, which is in production, and 1.0.1 of the usual model."""
    address = str(tmp_path / "registry.db")
    monkeypatch.setenv("HEADRACE_REGISTRY", address)
    made = open_registry(address)
    for number in range(2):
        folder = tmp_path / f"bundle-{number}"
        variant(bundle_folder(), folder, mark=str(number))
        made.register(ModelSubmission.read(folder, uri=str(folder)), by="ann")
        if not number:
            made.promote("customers", "1.0.0", stage="production", by="ann")
    return made


def _stream(source: str, target: str, *options: str, model: str = "") -> subprocess.CompletedProcess[str]:
    ended = headrace("stream", model or str(bundle_folder()), "--from", source, "--to", target, "--until-end", *options)
    assert ended.returncode == 0, ended.stderr
    return ended


def test_a_compacted_topic_is_answered_with_its_gaps(server: KafkaServer) -> None:
    """Each event that is left is answered once, and the offsets that are not there are no lost ones."""
    server.create("compact-answers", "compact-answers-dead-letter", partitions=1)
    server.create(
        "compact", partitions=1, cleanup_policy="compact", segment_ms="50", min_cleanable_dirty_ratio="0.01"
    )  # fmt: skip
    producer, deadline = server.producer(), time.monotonic() + 60
    for age in range(20, 60):
        for key in range(5):
            producer.produce("compact", event(age=age), b"%d" % key)
        producer.flush()
    while len(before := [one.offset() for one in server.read("compact")]) > 150:
        assert time.monotonic() < deadline, len(before)
        producer.produce("compact", GOOD, b"last")  # begins another segment: the newest one is never compacted
        producer.flush()
    places = (f"kafka://{server.address}/compact", f"kafka://{server.address}/compact-answers")
    ended = _stream(*places)
    assert "lost" not in ended.stderr
    answered = [json.loads(one.value())["event_offset"] for one in server.read("compact-answers")]
    after = {one.offset() for one in server.read("compact")}
    assert answered == sorted(set(answered))
    assert after <= set(answered) <= set(before)
    assert _stream(*places).stdout.startswith("0 events")


def test_compressed_events_are_answered(server: KafkaServer, tmp_path: Path) -> None:
    """By any codec, of the producer or the topic; what is small only as long as it is compressed stops nothing."""
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    settings = tmp_path / "kafka.properties"
    settings.write_text("compression.type=lz4")
    server.create("packed", partitions=1)
    server.create("packed-answers", partitions=1, compression_type="zstd")
    server.create("packed-answers-dead-letter", partitions=1, compression_type="gzip")
    for codec in codecs:
        producer = server.producer(**{"compression.type": codec})
        for age in range(20, 70):
            producer.produce("packed", event(age=age), codec.encode())
        producer.produce(
            "packed", event(plan="x" * (5 << 20)) if codec == "gzip" else b"[", b"poison-" + codec.encode()
        )
        producer.flush()
    ended = headrace(
        "stream", str(bundle_folder()), "--from", f"kafka://{server.address}/packed", "--to",
        f"kafka://{server.address}/packed-answers", "--until-end", HEADRACE_KAFKA_SETTINGS_FILE=str(settings),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    answers = server.read("packed-answers")
    assert [one.key() for one in answers] == [codec.encode() for codec in codecs for _ in range(50)]
    letters = {one.key(): one for one in server.read("packed-answers-dead-letter")}
    assert set(letters) == {b"poison-" + codec.encode() for codec in codecs}
    assert letters[b"poison-zstd"].value() == b"["
    assert b"headrace-omitted" in str(letters[b"poison-gzip"].headers()).encode()


def test_versions_of_a_registry_are_swapped_between_batches(
    server: KafkaServer, registry: MlflowRegistry, tmp_path: Path
) -> None:
    """While events flow each is answered once, by the version that the answer names, and a batch by one version."""
    source, target = make_topics(server, "swaps")
    digests = {version.version: version.digest for version in registry.model("customers").versions}
    options = ("--version-seconds", "0.2", "--batch-rows", "50")
    with (
        Load(server, "swaps", 3) as load,
        stream_process(source, target, tmp_path / "log", *options, model="customers@production") as worker,
    ):
        worker.wait_until(lambda: worker.metric("answers_total") > 300)
        for swaps, version in enumerate(("1.0.1", "1.0.0"), 1):
            registry.promote("customers", version, stage="production", by="ann")
            worker.wait_until(lambda swaps=swaps: worker.metric("model_swaps_total") == swaps)
            done = worker.metric("answers_total")
            worker.wait_until(lambda done=done: worker.metric("answers_total") > done + 300)
        worker.wait_ready()
        assert worker.end() == 0
    _stream(source, target, model="customers@production")
    assert_once(server, "swaps", load.sent)
    by_partition = defaultdict(list)
    for one in server.read("swaps-answers"):
        answer = json.loads(one.value())
        assert answer["model_digest"] == digests[answer["model_version"]]
        by_partition[one.partition()].append((one.offset(), answer["model_version"]))
    whole = ["1.0.0", "1.0.1", "1.0.0"]
    orders = []
    for found in by_partition.values():
        order = [version for version, _ in itertools.groupby(version for _, version in found)]
        # On a busy machine all events of a partition may come between two swaps.
        assert any(order == whole[place : place + len(order)] for place in range(len(whole)))
        orders.append(order)
        # Answers of a transaction have consecutive offsets, and its marker takes one.
        for _, batch in itertools.groupby(enumerate(found), lambda pair: pair[1][0] - pair[0]):
            assert len({version for _, (_, version) in batch}) == 1
    assert whole in orders


def test_a_candidate_answers_its_share_of_the_keys(server: KafkaServer, registry: MlflowRegistry) -> None:
    """The version follows from the key, whichever worker asks; each event is answered once."""
    source, target = make_topics(server, "shared")
    producer = server.producer()
    for number in range(600):
        producer.produce("shared", GOOD, b"%d" % (number % 200), number % 3)
    producer.flush()
    options = ("--candidate", "customers@1.0.1", "--share", "0.3", "--test", "spring")
    _stream(source, target, *options, model="customers@production")
    division, answers = KeyDivision("spring", 0.3), server.read("shared-answers")
    assert len(answers) == 600
    versions = [json.loads(one.value())["model_version"] for one in answers]
    assert versions == [("1.0.0", "1.0.1")[division.is_candidate(one.key())] for one in answers]
    assert 90 < versions.count("1.0.1") < 270


def test_of_two_workers_of_one_name_the_older_one_ends(server: KafkaServer, tmp_path: Path) -> None:
    """It says why, the newer one goes on, and each event is answered once."""
    source, target = make_topics(server, "twins")
    with Load(server, "twins", 3) as load, ExitStack() as stack:

        def start(name: str) -> StreamProcess:
            worker = stack.enter_context(stream_process(source, target, tmp_path / name, "--instance", "one"))
            worker.wait_until(lambda: worker.metric("answers_total") > 100)
            return worker

        older = start("older")
        newer = start("newer")
        assert older.process.wait(60) == 2
        assert "a worker must be alone under its name" in older.log.read_text()
        newer.wait_ready()
        assert newer.end() == 0
    _stream(source, target)
    assert_once(server, "twins", load.sent)
