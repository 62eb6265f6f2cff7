"""Collect what a model receives and answers, for its monitors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.api.model_reference import ModelReference, open_model
from headrace.core.base.errors import InputError, quote

if TYPE_CHECKING:
    from headrace.monitoring.collect.collect_counts import CollectCounts
    from headrace.monitoring.collect.topics.topic_sources import StreamTopics


def collect(
    model: ModelReference,
    store: str | Path,
    sources: Sequence[str | Path],
    *,
    follow: bool = False,
    answers: str = "",
    dead_letter: str = "",
    group: str = "",
    services: Sequence[str] = (),
    journal: str | Path = "headrace-journal",
    store_seconds: float = 60.0,
    unwritten_bytes: int = 256 << 20,
    clock_allowance: float = 300.0,
    started: Callable[[str], None] | None = None,
) -> "CollectCounts":
    """Store the rows that a model has scored, from logged requests and responses, as ``headrace collect`` does.

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``; it gives the contract.
        store: The monitoring store, a folder or ``s3://BUCKET/PREFIX``.
        sources: Log files, folders, ``s3://`` prefixes and topics (``kafka://HOST:PORT/TOPIC``, or a folder) of logged
            payloads; at most one may be ``http://HOST:PORT``, where events are received until SIGTERM or Ctrl-C.
        follow: Whether to follow files, folders, prefixes and topics until Ctrl-C; else what is there is read.
        answers: The topic of the answers of ``headrace stream`` to the events of the one source, a topic; empty if
            sources hold logged payloads.
        dead_letter: The topic of the dead letters; empty for that of the answers with ``-dead-letter`` at its end, if
            there is one.
        group: Name of the group whose positions in topics are kept; empty for one of this model and store.
        services: Names of the InferenceServices that serve the model; empty for the model's own name.
        journal: Folder for what must survive this process, such as events that are acknowledged but not stored yet.
        store_seconds: Longest time from an event's arrival to its row in the store, in seconds.
        unwritten_bytes: Bytes of events not yet in the store beyond which the receiver answers 503.
        clock_allowance: How far clocks may differ, in seconds.
        started: Called with the receiver's address once it answers; None for no call.

    Returns:
        What was counted.

    Raises:
        MissingError: If there is no such model or source.
        InputError: If a source or an option is wrong.
        StoreError: If a store cannot be reached.
    """
    from headrace.core.contracts.contract_yaml import load as load_contract  # noqa: PLC0415 - as above
    from headrace.monitoring.collect.collect_counts import CollectCounts  # noqa: PLC0415 - polars is slow to import
    from headrace.monitoring.collect.collector import (  # noqa: PLC0415 - as above
        CollectPlan,
        follow_until_interrupted,
        read_sources,
        receive,
    )
    from headrace.monitoring.collect.event_intake import IntakeOptions  # noqa: PLC0415 - as above
    from headrace.monitoring.collect.receiver import ReceiverOptions  # noqa: PLC0415 - as above
    from headrace.monitoring.windows.window_store import WindowStore  # noqa: PLC0415 - as above
    from headrace.stores.objects.open_objects import open_objects  # noqa: PLC0415 - as above
    from headrace.streams.topic_address import require_name  # noqa: PLC0415 - as above

    addresses = [str(source) for source in sources]
    receivers = [address for address in addresses if address.startswith("http://")]
    others = [address for address in addresses if address not in receivers]
    if not addresses or len(receivers) > 1:
        raise InputError(f"payloads must come from at least one source, and at most one http://; got {addresses}.")
    topics = _find_stream(addresses, answers, dead_letter)
    with open_model(model) as bundle:
        name, contract = bundle.name, load_contract(bundle.folder / "contract.yaml")
    plan = CollectPlan(
        contract,
        WindowStore(open_objects(str(store), create=True), name),
        IntakeOptions(frozenset(services or (name,)), clock_allowance),
        Path(journal),
        ReceiverOptions(store_seconds=store_seconds, unwritten_bytes=unwritten_bytes),
        group=require_name("--group", group) if group else "",
        stream=topics,
    )
    counts = CollectCounts()
    if not follow:
        read_sources(plan, others, counts)
    if receivers:
        followed = others if follow else ()
        receive(plan, receivers[0], counts, followed=followed, started=started or (lambda _: None))
    elif follow:
        follow_until_interrupted(plan, others, counts)
    return counts


def _find_stream(addresses: Sequence[str], answers: str, dead_letter: str) -> "StreamTopics | None":
    """Return the topics that belong to the events of a stream; None if sources hold logged payloads."""
    from headrace.monitoring.collect.topics.topic_sources import StreamTopics  # noqa: PLC0415 - polars is slow to import
    from headrace.streams.topic_address import parse_topic  # noqa: PLC0415 - as above

    if not answers:
        if dead_letter:
            raise InputError("a topic of dead letters needs that of the answers beside it: add --answers TOPIC.")
        return None
    if len(addresses) != 1 or addresses[0].startswith("http://"):
        raise InputError(
            f"answers belong to the events of one topic; got the sources {quote(list(addresses))}: name the topic that "
            "headrace stream reads, alone, by --from."
        )
    events, answered = parse_topic(addresses[0]), parse_topic(answers)
    letters = parse_topic(dead_letter) if dead_letter else answered.beside(f"{answered.topic}-dead-letter")
    if len({events, answered, letters}) < 3:
        raise InputError(
            f"events, answers and dead letters must be three topics; got {events.topic}, {answered.topic} and "
            f"{letters.topic}."
        )
    return StreamTopics(answered, letters, must_have_dead_letters=bool(dead_letter))
