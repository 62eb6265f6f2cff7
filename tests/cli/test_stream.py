"""``headrace stream`` on topics in a folder."""

import io
import json
import shutil
import signal
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest

from headrace.cli.local.stream import describe_counts
from headrace.streams.folder.folder_broker import append_events, read_records
from tests.conftest import headrace
from tests.streams.made_streams import GOOD, POISON, bundle_folder, event, record
from tests.streams.stream_process import stream_process
from tests.streams.values.made_avro import CUSTOMER, text, write


def _fill(root: Path, *values: bytes | None) -> None:
    append_events(root, "events", [record(value, key=b"k%d" % place) for place, value in enumerate(values)])


def test_a_topic_is_scored_to_its_end(tmp_path: Path) -> None:
    """The last line counts; a second run finds only what is new."""
    _fill(tmp_path, GOOD, POISON, None, event(age=1e9), GOOD)
    places = ("--from", str(tmp_path / "events"), "--to", f"folder://{tmp_path}/answers", "--until-end")
    ended = headrace("stream", str(bundle_folder()), *places, "--summary", str(tmp_path / "counts.json"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "5 events, 2 answers; 2 dead letters (range 1, value 1); 1 tombstone passed on"
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert (counts["events"], counts["rejects"]) == (5, {"range": 1, "value": 1})
    answers = [one for _, _, one in read_records(tmp_path, "answers")]
    assert [one.key for one in answers] == [b"k0", b"k2", b"k4"]
    assert len(read_records(tmp_path, "answers-dead-letter")) == 2
    _fill(tmp_path, GOOD)
    assert headrace("stream", str(bundle_folder()), *places).stdout.strip() == "1 event, 1 answer"


def test_a_topic_in_avro(tmp_path: Path) -> None:
    """Events by a schema in a file; answers in Avro, whose schema is written beside them."""
    (tmp_path / "customer.avsc").write_text(text(CUSTOMER))
    row = {"age": 30, "spend": 2.5, "plan": "basic", "joined": datetime(2024, 5, 1, 10, 15, tzinfo=UTC)}
    good = write(CUSTOMER, row)
    _fill(tmp_path, good, good[:-1], write(CUSTOMER, {**row, "plan": "gold"}))
    places = ("--from", str(tmp_path / "events"), "--to", str(tmp_path / "answers"), "--until-end")
    forms = ("--values", "avro", "--schema", str(tmp_path / "customer.avsc"), "--answer-values", "avro")
    ended = headrace("stream", str(bundle_folder()), *places, *forms, "--answer-schema", str(tmp_path / "answer.avsc"))
    assert ended.stdout.strip() == "3 events, 1 answer; 2 dead letters (category 1, value 1)", ended.stderr
    schema = json.loads((tmp_path / "answer.avsc").read_text())
    ((_, _, answer),) = read_records(tmp_path, "answers")
    read: Any = fastavro.schemaless_reader(io.BytesIO(answer.value or b""), schema, None)
    assert (set(read["probabilities"]), read["event_offset"]) == ({"no", "yes"}, 0)
    assert read_records(tmp_path, "answers-dead-letter")[0][2].value == good[:-1]


@pytest.mark.usefixtures("default_signals")
def test_a_worker_goes_on_until_it_is_ended(tmp_path: Path) -> None:
    """Its pages say what it does; SIGTERM lets it end in order, with its counts."""
    _fill(tmp_path, GOOD)
    places = str(tmp_path / "events"), str(tmp_path / "answers")
    with stream_process(*places, tmp_path / "log") as worker:
        worker.wait_ready()
        worker.wait_until(lambda: worker.metric("answers_total") == 1)
        _fill(tmp_path, GOOD, POISON)
        worker.wait_until(lambda: worker.metric("events_total") == 3)
        assert worker.metric('rejects_total{reason="value"}') == 1
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(60) == 0
    assert "3 events, 2 answers; 1 dead letter (value 1)" in worker.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "nowhere/events", "--to", "nowhere/answers"), "must be a folder with a folder for each partition"),
        (("--from", "a/events", "--to", "b/answers"), "must be in one place"),
        (("--from", "a/events", "--to", "a/events"), "must be three topics"),
        (("--from", "kafka://u:p@h:1/a", "--to", "kafka://h:1/b"), "must hold no login"),
        (("--from", "a/b", "--to", "a/c", "--group", "a/b"), "--group must be"),
        (("--from", "a/b", "--to", "a/c", "--values", "avro"), "--values avro must come with --schema FILE"),
        (
            ("--from", "a/b", "--to", "a/c", "--values", "avro", "--schema-registry", "http://u:p@h"),
            "must hold no login",
        ),
        (("--from", "a/b", "--to", "a/c", "--candidate", "MODEL", "--share", "2"), "from 0.001 to 0.999"),
        (("--from", "a/b", "--to", "a/c", "--share", "0.5"), "--share is about the keys of a candidate"),
        (("--from", "a/b", "--to", "a/c", "--test", "summer"), "--test is about the keys of a candidate"),
        (("--from", "a/b", "--to", "a/c", "--group", ""), "--group must have a name"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], sentence: str) -> None:
    """With exit code 2 and one sentence."""
    model = str(bundle_folder())
    ended = headrace("stream", model, *(model if one == "MODEL" else one for one in arguments))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_what_is_no_topic_in_a_folder_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    """A file, a partition, an empty text, a partition of another name: exit code 2, one sentence, no state."""
    _fill(tmp_path / "q", GOOD)
    events, answers = str(tmp_path / "q" / "events"), str(tmp_path / "q" / "answers")
    state = tmp_path / "q" / ".headrace"
    shutil.rmtree(state)
    (tmp_path / "q" / "file").touch()
    (tmp_path / "q" / "odd" / "01").mkdir(parents=True)
    for source, target, sentence in (
        (events, str(tmp_path / "q" / "file"), "q/file is a file"),
        (str(tmp_path / "q" / "file"), "elsewhere/answers", "q/file is a file"),
        (f"{events}/0", answers, "events/0 is a partition"),
        ("", answers, "names none"),
        (str(tmp_path / "q" / "odd"), answers, "q/odd/01 instead"),
        (events, str(tmp_path / "q" / "odd"), "q/odd/01 instead"),
    ):
        ended = headrace("stream", str(bundle_folder()), "--from", source, "--to", target, "--until-end")
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
        assert sentence in ended.stderr
        assert not state.exists()


def test_offsets_between_two_files_are_lost_aloud(tmp_path: Path) -> None:
    """A warning, the summary and the last line have their number; a second run has lost nothing."""
    (tmp_path / "events" / "0").mkdir(parents=True)
    (tmp_path / "events" / "0" / "0.jsonl").write_bytes(GOOD + b"\n")
    (tmp_path / "events" / "0" / "10.jsonl").write_bytes(GOOD + b"\n")
    places = ("--from", str(tmp_path / "events"), "--to", str(tmp_path / "answers"), "--until-end")
    summary = tmp_path / "counts.json"
    ended = headrace("stream", str(bundle_folder()), *places, "--summary", str(summary))
    assert ended.stdout.strip() == "2 events, 2 answers; 9 offsets lost, deleted before they were read", ended.stderr
    assert "1 was to be read: it goes on at 10; 9 are lost" in ended.stderr
    assert json.loads(summary.read_text())["lost_offsets"] == 9
    again = headrace("stream", str(bundle_folder()), *places)
    assert (again.stdout.strip(), again.stderr) == ("0 events, 0 answers", "")


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_worker_that_waits_for_a_broker_can_be_ended(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """At once, though the client's own call goes on for seconds, and as any command that has not begun."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"kafka://127.0.0.1:{silent.getsockname()[1]}"
        with stream_process(f"{place}/events", f"{place}/answers", tmp_path / "log") as worker:
            silent.settimeout(90)
            silent.accept()[0].close()
            worker.process.send_signal(number)
            assert worker.process.wait(20) == code, worker.log.read_text()


def test_counts_of_zero_are_left_out() -> None:
    """What did not happen is not mentioned."""
    counts = {"events": 1_000, "answers": 990, "rejects": {"range": 7, "value": 3}, "aborted": 2}
    counts |= dict.fromkeys(("tombstones", "omitted", "warnings", "future", "swaps", "lost_offsets"), 0)
    said = "1,000 events, 990 answers; 10 dead letters (range 7, value 3); 2 transactions aborted and done again"
    assert describe_counts(counts) == said
