"""Collects payloads from all sources into the store."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, RequestError, StoreError, UserError, quote
from headrace.core.base.files import read_json, write_json
from headrace.core.contracts.contract import Contract
from headrace.core.runtime.processes import lease
from headrace.core.runtime.signals import noted_signals
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collected_event import CollectedEvent
from headrace.monitoring.collect.event_intake import EventIntake, IntakeOptions
from headrace.monitoring.collect.journal import HALVES, open_journal
from headrace.monitoring.collect.payload_sources import MOST_EVENTS, PayloadSource, open_payloads
from headrace.monitoring.collect.receiver import Receiver, ReceiverOptions, run_receiver
from headrace.monitoring.collect.row_writer import RowWriter
from headrace.monitoring.collect.topics.topic_sources import LoggedTopic, StreamedTopics, StreamTopics
from headrace.monitoring.windows.reader_group import name_group
from headrace.monitoring.windows.window_store import WindowStore
from headrace.serving.sockets import bind_socket
from headrace.streams.topic_address import find_topic, parse_topic

_POLL_SECONDS = 2.0
_POSITIONS = "positions.json"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CollectPlan:
    """What to collect, and where to.

    Attributes:
        contract: The contract of the model.
        store: Where rows are stored.
        intake: Which events are accepted.
        journal: Folder of what must survive this process: events that are not stored yet, and positions in sources.
        receiver: How the receiver works.
        group: Name of the group whose positions in topics are kept; empty for one of the store's own.
        stream: Topics of the answers and dead letters of ``headrace stream`` to the events of the one topic that is a
            source; None if topics hold logged payloads.
    """

    contract: Contract
    store: WindowStore
    intake: IntakeOptions
    journal: Path = Path("headrace-journal")
    receiver: ReceiverOptions = field(default_factory=ReceiverOptions)
    group: str = ""
    stream: StreamTopics | None = None


def read_sources(plan: CollectPlan, addresses: Sequence[str], counts: CollectCounts) -> None:
    """Store the events of sources as they are now.

    Args:
        plan: What to collect.
        addresses: Log files, folders, prefixes and topics.
        counts: What is counted.

    Raises:
        MissingError: If a source does not exist.
        InputError: If a topic holds nothing of what it should, or another process uses what a killed one has left in
            the journal.
        StoreError: If a store cannot be reached.
    """
    intake = EventIntake(plan.contract, plan.intake, counts)
    with ExitStack() as stack:
        sources = stack.enter_context(_open_sources(plan, addresses, counts, follow=False))
        halves = None
        folder = plan.journal / "sources"
        if (folder / HALVES).exists() and not all(source.in_journal for source in sources):
            # Their positions are behind what a killed process has left here.
            stack.enter_context(lease(folder / "lock"))
            halves = folder / HALVES
        writer = RowWriter(plan.store, plan.contract, counts, halves, pair_seconds=math.inf, skips_stored=True)
        for source in sources:
            while (events := _read_events(source, intake)) is not None:
                writer.write(events, now=time.time())
            source.check_form()
        writer.write((), now=time.time(), final=True)
        for source in sources:
            source.settle()


def follow_sources(plan: CollectPlan, addresses: Sequence[str], counts: CollectCounts, ended: threading.Event) -> None:
    """Store the events of sources as they come, until ``ended``.

    Args:
        plan: What to collect.
        addresses: Log files, folders, prefixes and topics.
        counts: What is counted.
        ended: Set to end.

    Raises:
        InputError: If another process uses the journal, or its positions cannot be read.
        StoreError: If the store fails at the end; the events are read again by the next start.
    """
    folder = plan.journal / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    with lease(folder / "lock"), ExitStack() as stack:
        intake = EventIntake(plan.contract, plan.intake, counts)
        writer = RowWriter(plan.store, plan.contract, counts, folder / HALVES)
        positions = folder / _POSITIONS
        saved = read_json(positions) if positions.exists() else {}
        sources = stack.enter_context(_open_sources(plan, addresses, counts, follow=True))
        for source in sources:
            if source.in_journal and source.address in saved:
                source.resume(saved[source.address])
        saved = {source.address: source.position() for source in sources}
        pending, due = list[CollectedEvent](), 0.0
        while not ended.is_set():
            try:
                read = [_read_events(source, intake) for source in sources]
                pending += (event for events in read for event in events or ())
                if time.monotonic() >= due or len(pending) >= MOST_EVENTS:
                    writer.write(pending, now=time.time())
                    pending, due = [], time.monotonic() + plan.receiver.store_seconds
                    saved = _save_positions(positions, sources, saved)
            except StoreError as error:
                counts.store_failures += 1
                _logger.error("events are read again: %s", error)  # noqa: TRY400 - a sentence, not a traceback
                pending, read = [], []
                for source in sources:
                    source.resume(saved[source.address])
            if all(events is None for events in read):
                ended.wait(min(_POLL_SECONDS, plan.receiver.store_seconds))
        writer.write(pending, now=time.time(), final=True)
        _save_positions(positions, sources, saved)


@contextmanager
def _open_sources(
    plan: CollectPlan, addresses: Sequence[str], counts: CollectCounts, *, follow: bool
) -> Iterator[list[PayloadSource]]:
    """Yield the sources that addresses name, which are closed at the end of the block."""
    with ExitStack() as stack:
        sources = []
        for address in addresses:
            sources.append(_open_source(plan, address, counts, follow=follow))
            stack.callback(sources[-1].close)
        yield sources


def _open_source(plan: CollectPlan, address: str, counts: CollectCounts, *, follow: bool) -> PayloadSource:
    topic = find_topic(address) if plan.stream is None else parse_topic(address)
    if topic is None:
        return open_payloads(address, follow=follow)
    group = plan.group or name_group("collect", plan.store.place, plan.store.model)
    if plan.stream is None:
        return LoggedTopic(topic, group=group, counts=counts, follow=follow)
    services = plan.intake.services
    return StreamedTopics(topic, plan.stream, services=services, group=group, counts=counts, follow=follow)


def _save_positions(path: Path, sources: Sequence[PayloadSource], saved: dict[str, Any]) -> dict[str, Any]:
    """Keep how far sources were read, unless it is what was kept before, and return it."""
    positions = {source.address: source.position() for source in sources}
    if positions != saved:
        write_json(path, {one.address: positions[one.address] for one in sources if one.in_journal})
    for source in sources:
        source.settle()
    return positions


def follow_until_interrupted(plan: CollectPlan, addresses: Sequence[str], counts: CollectCounts) -> None:
    """Follow sources until SIGTERM or SIGINT; see ``follow_sources``.

    Args:
        plan: What to collect.
        addresses: Log files, folders, prefixes and topics.
        counts: What is counted.
    """
    with noted_signals() as ended:
        follow_sources(plan, addresses, counts, ended)


def _read_events(source: PayloadSource, intake: EventIntake) -> list[CollectedEvent] | None:
    """Return what is kept of the next events of a source; None if there are no more of them now."""
    items = source.read()
    if not items:
        return None
    now = time.time()
    payloads = []
    reasons: list[str | None] = []
    for item, default_time in items:
        try:
            if isinstance(item, RequestError):
                raise item
            payloads.append((item, intake.read(item, now=now, default_time=default_time)))
            reasons.append(None)
        except RequestError as error:
            reasons.append(error.reason)
            intake.refuse(error)
            _logger.info("%s: %s", source.address, error)
    source.note_outcomes(reasons)
    intake.count(payloads, in_order=source.in_order)
    return [payload.event for _, payload in payloads]


def receive(
    plan: CollectPlan,
    address: str,
    counts: CollectCounts,
    *,
    followed: Sequence[str] = (),
    started: Callable[[str], None],
) -> None:
    """Receive events over HTTP until SIGTERM or SIGINT, and follow sources beside it.

    Args:
        plan: What to collect.
        address: ``http://HOST:PORT`` to listen on; port 0 for a free one.
        counts: What is counted.
        followed: Log files, folders, prefixes and topics to follow.
        started: Called with the receiver's address once requests are answered.

    Raises:
        InputError: If the address is not one of this machine, or another process uses the journal.
        StoreError: If the store fails at the end; the events stay in the journal for the next start.
    """
    host, port = _host_and_port(address)
    with ExitStack() as stack:
        listener = stack.enter_context(bind_socket(host, port))
        journal = stack.enter_context(open_journal(plan.journal))
        others = stack.enter_context(_following(plan, followed))
        stack.callback(lambda: counts.add(others))
        writer = RowWriter(plan.store, plan.contract, counts, plan.journal / HALVES)
        intake = EventIntake(plan.contract, plan.intake, counts)
        receiver = Receiver(intake, journal, writer, counts, plan.receiver, others=others)
        bound = listener.getsockname()[1]
        run_receiver(receiver, listener, started=lambda: started(f"http://{host}:{bound}"))


@contextmanager
def _following(plan: CollectPlan, addresses: Sequence[str]) -> Iterator[CollectCounts]:
    """Follow sources in a thread for the duration of the block, and yield what it counts."""
    counts = CollectCounts()
    if not addresses:
        yield counts
        return
    ended, failures = threading.Event(), list[UserError]()

    def work() -> None:
        try:
            follow_sources(plan, addresses, counts, ended)
        except UserError as error:
            _logger.error("sources are followed no longer: %s", error)  # noqa: TRY400 - a sentence, not a traceback
            failures.append(error)

    thread = threading.Thread(target=work, name="sources", daemon=True)
    thread.start()
    try:
        yield counts
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


def _host_and_port(address: str) -> tuple[str, int]:
    host, separator, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65_535:
        raise InputError(f"a receiver must listen on http://HOST:PORT; got {quote(address)} instead.")
    return host.strip("[]"), int(port)
