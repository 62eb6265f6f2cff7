"""``headrace demo --stream``: a worker really killed, and counts of what a reader finds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from headrace.cli.streams.demo_stream import EVENTS
from headrace.cli.streams.payments import TARGET, draw_events, draw_payments
from headrace.cli.streams.stream_outcomes import StreamOutcomes
from headrace.core.base.errors import InputError
from headrace.core.runtime.processes import free_port
from headrace.streams.folder.folder_broker import read_records
from headrace.streams.folder.folder_writer import FolderWriter
from headrace.streams.views.event_view import EventView, view_events
from tests.conftest import headrace
from tests.streams.made_streams import batch_of


def _views(*pairs: tuple[bytes, bytes | None]) -> list[EventView]:
    return list(view_events(batch_of([value for _, value in pairs], keys=[key for key, _ in pairs])))


def test_the_made_world_is_the_same_for_a_seed() -> None:
    """Another seed draws others; some events are broken, some withdrawn."""
    assert draw_payments(100).equals(draw_payments(100))
    assert not draw_payments(100).equals(draw_payments(100, seed=1))
    assert set(draw_payments(1000).get_column(TARGET)) == {"yes", "no"}
    events = draw_events(1000)
    assert events == draw_events(1000)
    assert len({event.key for event in events}) == 1000
    assert sum(event.value is None for event in events) == 1


@pytest.mark.parametrize(
    ("outcomes", "missing", "repeated"),
    [([b"a", b"b"], 0, 0), ([b"a"], 1, 0), ([b"a", b"a", b"b"], 0, 1), ([b"a", b"b", b"c"], 0, 1), ([], 2, 0)],
)
def test_each_event_has_one_outcome_or_the_counts_say_so(outcomes: list[bytes], missing: int, repeated: int) -> None:
    """What is missing, what is there twice, and what belongs to no event."""
    found = StreamOutcomes()
    found.add_events(_views((b"a", b"1"), (b"b", b"2")))
    found.add_outcomes(_views(*((key, b"{}") for key in outcomes)))
    assert (found.missing, found.repeated) == (missing, repeated)
    assert found.is_exact == (missing == repeated == 0)


def test_no_events_are_no_success() -> None:
    """A stream that carried nothing has shown nothing."""
    assert not StreamOutcomes().is_exact


def _require_nothing_runs(home: Path) -> None:
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(home) in " ".join(one.info["cmdline"] or ())]


@pytest.mark.slow
def test_payments_are_scored_each_once(tmp_path: Path) -> None:
    """Though a worker is killed in the middle; the counts are those of the topics, and nothing is left running."""
    done = headrace("demo", "--stream", "--output", str(tmp_path / "stream"), timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Worker 2 is killed (-9)" in done.stdout
    assert done.stdout.rstrip().endswith("Nothing is left running.")
    root = tmp_path / "stream" / "topics"
    keys = {topic: [record.key for *_, record in read_records(root, topic)] for topic in _TOPICS}
    assert sorted(keys["scores"] + keys["scores-dead-letter"]) == sorted(keys["payments"])  # type: ignore[type-var]
    assert len(set(keys["payments"])) == EVENTS
    counted = dict(re.findall(r"^  (in|scored|rejected|withdrawn) +([\d,]+)", done.stdout, re.MULTILINE))
    assert {name: int(text.replace(",", "")) for name, text in counted.items()} == {
        "in": EVENTS,
        "scored": sum(record.value is not None for *_, record in read_records(root, "scores")),
        "rejected": len(keys["scores-dead-letter"]),
        "withdrawn": sum(record.value is None for *_, record in read_records(root, "scores")),
    }
    assert int(counted["rejected"]) > 10
    shown = headrace("tail", str(root / "scores"), "--last", "3", "--until-end", "--json")
    assert [json.loads(line)["kind"] for line in shown.stdout.splitlines()] == ["answer"] * 3
    _require_nothing_runs(tmp_path)


_TOPICS = ("payments", "scores", "scores-dead-letter")


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """The address of a real broker."""
    from tests.real.kafka_server import kafka_server

    with kafka_server() as running:
        yield f"kafka://{running.address}"


@pytest.mark.kafka
def test_payments_are_scored_on_a_real_broker(broker: str, tmp_path: Path) -> None:
    """In topics that it creates; `tail` reads them without joining a group."""
    from confluent_kafka.admin import AdminClient

    done = headrace("demo", "--stream", "--broker", broker, "--output", str(tmp_path / "stream"), timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  answered twice +0$", done.stdout, re.MULTILINE)
    assert re.search(rf"^  in +{EVENTS:,}$", done.stdout, re.MULTILINE)
    events, answers, letters = re.findall(r"headrace-demo-[\w-]+", done.stdout)[:3]
    shown = headrace("tail", f"{broker}/{answers}", "--from-beginning", "--until-end", "--json", timeout=120)
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {one["kind"] for one in found} == {"answer", "tombstone"}
    shown = headrace("tail", f"{broker}/{letters}", "--last", "4", "--until-end", timeout=120)
    assert "4 dead letters" in shown.stdout
    admin = AdminClient({"bootstrap.servers": broker.removeprefix("kafka://")})
    groups = admin.list_consumer_groups().result(30)
    assert [one.group_id for one in groups.valid] == [f"headrace-{events}"]
    _require_nothing_runs(tmp_path)


@pytest.mark.kafka
def test_tail_shows_what_is_committed_only(broker: str) -> None:
    """Aborted answers are in the topic, and no reader of ours shows them."""
    from confluent_kafka import Producer

    from headrace.core.base.environment_values import KafkaSettings
    from headrace.streams.kafka.kafka_writer import KafkaWriter

    servers = broker.removeprefix("kafka://")
    KafkaWriter(servers, KafkaSettings()).create(["made"], partitions=1)
    producer = Producer({"bootstrap.servers": servers, "transactional.id": "t"})
    producer.init_transactions(30)
    for value, end in ((b"first", "commit"), (b"never", "abort"), (b"last", "commit")):
        producer.begin_transaction()
        producer.produce("made", value)
        producer.flush(30)
        getattr(producer, f"{end}_transaction")(30)
    shown = headrace("tail", f"{broker}/made", "--from-beginning", "--until-end", timeout=120)
    assert "never" not in shown.stdout
    assert shown.stdout.splitlines()[-1] == "2 events"
    shown = headrace("tail", f"{broker}/made", "--last", "1", "--until-end", timeout=120)
    assert shown.stdout.splitlines()[1].endswith("last")


@pytest.mark.kafka
def test_topics_of_one_name_are_not_made_twice(broker: str) -> None:
    """The sentence names it."""
    from headrace.core.base.environment_values import KafkaSettings
    from headrace.streams.kafka.kafka_writer import KafkaWriter

    writer = KafkaWriter(broker.removeprefix("kafka://"), KafkaSettings())
    writer.create(["twice"], partitions=1)
    with pytest.raises(InputError, match="twice is on"):
        writer.create(["twice"], partitions=1)


def test_topics_of_one_name_are_not_made_twice_in_a_folder(tmp_path: Path) -> None:
    """Nor is any of the others then."""
    writer = FolderWriter(tmp_path)
    writer.create(["a"], partitions=2)
    with pytest.raises(InputError, match="is there already"):
        writer.create(["b", "a"], partitions=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """The demonstration replaces its own folder only."""
    (tmp_path / "mine.txt").write_text("mine")
    done = headrace("demo", "--stream", "--output", str(tmp_path))
    assert done.returncode == 2
    assert "holds other files" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
@pytest.mark.parametrize(("kind", "table"), [("--stream", "payments.csv"), ("--life", "pumps.csv"), ("--serve", "x")])
def test_a_seed_that_cannot_be_changes_nothing(tmp_path: Path, kind: str, table: str, seed: str) -> None:
    """An earlier demonstration is still there."""
    home = tmp_path / "earlier"
    home.mkdir()
    (home / table).write_text("mine")
    done = headrace("demo", kind, "--seed", seed, "--output", str(home))
    assert done.returncode == 2, done.stderr
    assert "--seed" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["earlier", table]


@pytest.mark.parametrize("kind", ["--stream", "--life"])
@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_is_no_folder_of_a_demonstration(tmp_path: Path, kind: str, below: str) -> None:
    """Nor is what would be below it; the file stays."""
    file = tmp_path / "file"
    file.write_text("mine")
    done = headrace("demo", kind, "--output", str(file / below))
    assert done.returncode == 2, done.stderr
    assert f"{file} is a file" in done.stderr
    assert done.stderr.count("\n") == 1
    assert file.read_text() == "mine"


@pytest.mark.slow  # it waits for an answer
def test_a_broker_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is trained or written."""
    address = f"kafka://127.0.0.1:{free_port()}"
    done = headrace("demo", "--stream", "--broker", address, "--output", str(tmp_path / "stream"))
    assert done.returncode == 2, done.stderr
    assert "must create the topic headrace-demo-" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--stream", "--serve"), "leave out --life, --serve and --summary"),
        (("--broker", "kafka://h:1"), "name both, or none"),
        (("--stream", "--broker", "h:1"), "--broker must be kafka://HOST:PORT"),
        (("--stream", "--broker", "kafka://h:1/topic"), "--broker must be kafka://HOST:PORT"),
        (("--stream", "--broker", "kafka://u:p@h:1"), "must hold no login"),
    ],
)
def test_an_option_that_does_not_go_with_it_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    """And nothing is written."""
    done = headrace("demo", *arguments, "--output", str(tmp_path / "stream"))
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert not list(tmp_path.iterdir())
