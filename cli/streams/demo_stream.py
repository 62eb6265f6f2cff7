"""``headrace demo --stream``: payments flow, two workers score them, one is killed, and a reader counts.

All parts are real: the model is trained, the workers are processes of ``headrace stream``, and what is counted is what
a reader of committed events finds in the topics. Without a broker the topics are in a folder, with the same offsets,
groups and transactions.
"""

import contextlib
import shlex
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headrace.cli.options.demo_folder import check_demo_folder, clear_demo_folder
from headrace.cli.streams.payments import TARGET, TRAINING_ROWS, Payment, draw_events, draw_payments
from headrace.cli.streams.stream_outcomes import StreamOutcomes
from headrace.core.base.errors import InputError, InternalError
from headrace.core.runtime.processes import free_port, lease, start_guarded, stop
from headrace.streams.broker import OutgoingRecord
from headrace.streams.open_reader import open_reader
from headrace.streams.open_writer import open_writer
from headrace.streams.topic_address import TopicAddress, parse_topic
from headrace.streams.topic_following import FollowedPart, follow_topic
from headrace.streams.topic_writer import TopicWriter

if TYPE_CHECKING:
    import subprocess

EVENTS = 2_400
_TABLE = "payments.csv"
_PARTITIONS = 4
_EVENTS_A_SECOND = 300
_DEADLINE_SECONDS = 90.0


@dataclass
class _Topics:
    """Addresses of the demonstration's topics."""

    events: TopicAddress
    answers: TopicAddress
    letters: TopicAddress

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [self.events.topic, self.answers.topic, self.letters.topic]


@dataclass
class _Worker:
    """A process of ``headrace stream``, behind a guard that ends it with this process."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def page(self, path: str) -> str:
        """Return a page of its metrics; empty if it does not say yes."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
        return ""

    @property
    def answers(self) -> int:
        """Events that it has answered, by its own count."""
        lines = self.page("/metrics").splitlines()
        return sum(int(float(one.split()[-1])) for one in lines if one.startswith("headrace_stream_answers_total"))


@dataclass
class _Screen:
    """Says what happens, and when."""

    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print a line with the seconds since the beginning."""
        typer.echo(f"{time.monotonic() - self.began:5.1f} s  {text}")


def run_stream(home: Path, *, seed: int, broker: str = "") -> None:
    """Train, stream, kill, and count.

    Args:
        home: Folder for everything; an earlier demonstration in it is replaced.
        seed: Seed of the made world.
        broker: ``kafka://HOST:PORT`` for topics there, which are created; empty for a folder.

    Raises:
        InputError: If the broker's address is wrong, or the folder holds something else.
        StoreError: If the broker is not reached, or refuses to create topics.
        InternalError: If a part fails, or an event was not answered exactly once.
    """
    from headrace import api as hr  # noqa: PLC0415 - slow to import, and other commands need none

    topics = _name_topics(home, broker)
    writer, table = open_writer(topics.events), home / _TABLE
    check_demo_folder(home, table)
    if broker:
        writer.create(topics.names, partitions=_PARTITIONS)
        typer.echo(f"Created on {broker}, with your rights: {', '.join(topics.names)}.")
    clear_demo_folder(home, table)
    if not broker:
        writer.create(topics.names, partitions=_PARTITIONS)
    screen = _Screen()
    draw_payments(TRAINING_ROWS, seed).write_csv(table)
    screen.say(f"A model learns from {table} which payments are fraud.")
    run = hr.tune(
        str(table), target=TARGET, positive="yes", name="payments", families=["logistic"], budget=1, folds=2,
        seed=seed, output=home / "model",
    )  # fmt: skip
    screen.say(f"It has a ROC AUC of {run.metrics['roc_auc'].value:.3f} on its test part. Two workers start.")
    with ExitStack() as stack:
        path = stack.enter_context(lease(home / "lease"))
        workers = [_start_worker(stack, number, run.home, topics, path) for number in (1, 2)]
        _wait(workers, lambda: all(worker.page("/readyz") for worker in workers), "be ready")
        screen.say("Both are ready; the payments come.")
        _play(draw_events(EVENTS, seed), topics, writer, workers, screen)
        screen.say("All are answered. Worker 1 ends in order.")
    found = _count(topics)
    typer.echo(f"\nA reader that sees what is committed counts, by the payments' numbers:\n\n{found.describe()}\n")
    if not found.is_exact:
        raise InternalError(f"each payment must be answered once; the logs of the workers are in {home}.")
    _say_what_next(topics, home)


def _name_topics(home: Path, broker: str) -> _Topics:
    """Return the topics: in the folder, or with names of their own on a broker."""
    if not broker:
        root = (home / "topics").absolute()
        return _Topics(*(TopicAddress("", root, name) for name in ("payments", "scores", "scores-dead-letter")))
    if not broker.startswith("kafka://") or "/" in broker.removeprefix("kafka://").rstrip("/"):
        raise InputError(f"--broker must be kafka://HOST:PORT, such as kafka://127.0.0.1:9092; got {broker} instead.")
    names = f"headrace-demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    events = parse_topic(f"{broker.rstrip('/')}/{names}-payments")
    return _Topics(events, events.beside(f"{names}-scores"), events.beside(f"{names}-scores-dead-letter"))


def _start_worker(stack: ExitStack, number: int, model: Path, topics: _Topics, lease_path: Path) -> _Worker:
    port, log = free_port(), lease_path.with_name(f"worker-{number}.log")
    command = [sys.executable, "-m", "headrace.cli.main", "stream", str(model)]
    command += ["--from", _write_address(topics.events), "--to", _write_address(topics.answers)]
    # The group is as new as the topics are, on a broker that others use, too.
    command += ["--group", f"headrace-{topics.events.topic}", "--metrics", f"127.0.0.1:{port}"]
    with log.open("wb") as stream:
        process = start_guarded(command, lease_path=lease_path, log=stream)
    stack.callback(stop, process)
    return _Worker(process, port, log)


def _write_address(address: TopicAddress) -> str:
    return f"kafka://{address.servers}/{address.topic}" if address.servers else str(Path(address.place) / address.topic)


def _play(
    events: Sequence[Payment], topics: _Topics, writer: TopicWriter, workers: Sequence[_Worker], screen: _Screen
) -> None:
    """Send the events over some seconds, kill worker 2 in the middle, and wait until all have their outcome."""
    first, second = workers
    sent = seen = 0
    with open_reader(topics.answers) as answers, open_reader(topics.letters) as letters:
        began = time.monotonic()

        def look() -> int:
            return sum(len(reader.poll(rows=5_000, seconds=0)) for reader in (answers, letters))

        while sent < len(events):
            due = min(int((time.monotonic() - began) * _EVENTS_A_SECOND) + 1, len(events))
            writer.write(_make_records(events[sent:due], sent, topics.events.topic))
            sent = due
            if second.process.poll() is None and sent >= len(events) // 2:
                _wait(workers, lambda: second.answers > 0, "answer")
                second.process.kill()
                second.process.wait()
                screen.say(
                    f"Worker 2 is killed (-9) with {sent:,} payments sent and {seen:,} answered; the others go on."
                )
            seen += look()
        screen.say(f"All {sent:,} payments are sent, {seen:,} are answered.")
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while seen < sent:
            _require_running(first)
            if time.monotonic() > deadline:
                raise InternalError(f"all payments must be answered; {sent - seen} are not: {first.log} says why.")
            seen += look()


def _make_records(events: Sequence[Payment], begin: int, topic: str) -> list[OutgoingRecord]:
    now = int(time.time() * 1000)
    return [
        OutgoingRecord(topic, number % _PARTITIONS, event.value, event.key, None, now)
        for number, event in enumerate(events, begin)
    ]


def _wait(workers: Sequence[_Worker], is_done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not is_done():
        for worker in workers:
            _require_running(worker)
        if time.monotonic() > deadline:
            raise InternalError(f"workers must {what} within {_DEADLINE_SECONDS:g} s; see the logs {workers[0].log}.")
        time.sleep(0.05)


def _require_running(worker: _Worker) -> None:
    if worker.process.poll() is not None:
        last = worker.log.read_text(errors="replace").strip().splitlines()[-1:]
        raise InternalError(f"a worker must go on until it gets SIGTERM; {worker.log} ends with: {' '.join(last)}")


def _count(topics: _Topics) -> StreamOutcomes:
    """Read the three topics from their beginnings, and count."""
    found, all_of_it = StreamOutcomes(), FollowedPart(from_beginning=True, until_end=True)
    for address, add in (
        (topics.events, found.add_events),
        (topics.answers, found.add_outcomes),
        (topics.letters, found.add_outcomes),
    ):
        for events in follow_topic(address, all_of_it):
            add(events)
    return found


def _say_what_next(topics: _Topics, home: Path) -> None:
    answers, letters = (shlex.quote(_write_address(one)) for one in (topics.answers, topics.letters))
    typer.echo(f"Next: look at the answers    headrace tail {answers} --last 20")
    typer.echo(f"      and at what was refused headrace tail {letters} --from-beginning --until-end")
    typer.echo(f"      and score on            headrace stream {shlex.quote(str(home / 'model'))} --help")
    kept = (
        f"The topics {topics.events.topic.removesuffix('payments')}* stay on the broker. "
        if topics.events.servers
        else ""
    )
    typer.echo(f"\n{kept}Nothing is left running.")
