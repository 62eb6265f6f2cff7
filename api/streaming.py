"""Score the events of a topic."""

import contextlib
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.api.model_reference import ModelReference, resolve_model
from headrace.core.base.errors import InputError, quote
from headrace.core.runtime.signals import noted_signals

if TYPE_CHECKING:
    from headrace.streams.stream_counts import StreamCounts
    from headrace.streams.stream_model import StreamModel


def stream(
    model: ModelReference,
    source: str,
    target: str,
    *,
    dead_letter: str = "",
    group: str = "",
    instance: str = "",
    batch_rows: int = 2_000,
    batch_seconds: float = 0.02,
    until_end: bool = False,
    metrics: str = "",
    ready_rows: int = 10_000,
    version_seconds: float = 30.0,
    candidate: ModelReference = "",
    share: float | None = None,
    test: str = "",
    values: str = "json",
    schema: str = "",
    message: str = "",
    schema_registry: str = "",
    answer_values: str = "json",
    answer_schema: str = "",
    threads: int = 1,
    started: Callable[[str], None] | None = None,
) -> "StreamCounts":
    """Score the events of a topic until SIGTERM or Ctrl-C, as ``headrace stream`` does.

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``.
        source: The topic of the events: ``kafka://HOST:PORT/TOPIC``, or a folder.
        target: The topic of the answers, in the same place.
        dead_letter: The topic of the events that break the contract; empty for the topic of the answers with
            ``-dead-letter`` at its end.
        group: Name of the group whose workers share the partitions; empty for ``headrace-`` and the model's name.
        instance: Name of this worker, stable across restarts; empty for a new one.
        batch_rows: Most events of a batch.
        batch_seconds: Longest time to fill a batch, in seconds.
        until_end: Whether to end when all is scored that is there.
        metrics: ``HOST:PORT`` to serve ``/metrics`` and ``/readyz`` at; empty for none.
        ready_rows: Most unread events of a partition at which the worker is ready.
        version_seconds: Pause between two looks for a new version of ``NAME@STAGE``, in seconds; 0 for none.
        candidate: Another version that answers a share of the keys; empty for none.
        share: Its share of the keys, 0.001 to 0.999; None for 0.1.
        test: Name of the test by which keys are assigned; empty for the model's name.
        values: Form of the events: ``json``, ``avro`` or ``protobuf``.
        schema: File of their schema (``.avsc``, a compiled descriptor set, ``.proto``), or its number in the registry;
            empty to take each event's own from the registry.
        message: Full name of the Protobuf message; empty for the schema's only one.
        schema_registry: Address of a schema registry, whose clients write the events; empty for none.
        answer_values: Form of the answers: ``json`` or ``avro``.
        answer_schema: File that the Avro schema of the answers is written to; empty for none.
        threads: Threads of the inference engine.
        started: Called with the address of the metrics; None for no call.

    Returns:
        What was counted.

    Raises:
        MissingError: If there is no such model or topic.
        InputError: If an option is wrong.
        StoreError: If the topics or the schema registry are not reached, or refuse what is read or written.
    """
    from headrace.serving.telemetry.page_server import serve_pages  # noqa: PLC0415 - importing the API costs milliseconds
    from headrace.streams.event_scorer import EventScorer  # noqa: PLC0415 - as above
    from headrace.streams.open_broker import open_broker  # noqa: PLC0415 - as above
    from headrace.streams.stream_metrics import StreamStatus  # noqa: PLC0415 - as above
    from headrace.streams.stream_model import KeyDivision, ModelWatch, StreamModels  # noqa: PLC0415 - as above
    from headrace.streams.stream_worker import BatchLimits, StreamWorker  # noqa: PLC0415 - as above
    from headrace.streams.topic_address import parse_topic, require_name  # noqa: PLC0415 - as above
    from headrace.streams.values.open_values import ValueOptions, open_values  # noqa: PLC0415 - as above

    if candidate == "" and (share is not None or test):
        raise InputError("share and test are about the keys of a candidate; name it by candidate, or leave them out.")
    options = ValueOptions(values, schema, message, schema_registry, answer_values, answer_schema)
    events, answers = parse_topic(source), parse_topic(target)
    letters = parse_topic(dead_letter) if dead_letter else answers.beside(f"{answers.topic}-dead-letter")
    limits, status = BatchLimits(batch_rows, batch_seconds), StreamStatus(ready_rows=ready_rows)
    ended = threading.Event()
    with contextlib.ExitStack() as stack:

        def load(location: str, version: str) -> "StreamModel":
            return _load(location, version, threads)

        watch = ModelWatch(
            load(*_locate(model)), lambda: _locate(model), load, seconds=version_seconds if _may_change(model) else 0
        )
        stack.callback(watch.close)
        name = watch.model.served.name
        other = load(*_locate(candidate)) if candidate else None
        division = KeyDivision(test or name, 0.1 if share is None else share) if other else None
        has_classes = bool(watch.model.served.classes)
        if answer_values != "json" and watch.model.served.scorer.answers_alerts:
            raise InputError(
                f"answers in {answer_values} are those of classes and of numbers, and {name} is an anomaly model: "
                "leave out --answer-values, for answers in JSON."
            )
        codec = open_values(options, answers=answers.topic, has_classes=has_classes, ended=ended.is_set)
        broker = stack.enter_context(
            open_broker(
                events,
                answers=answers,
                dead_letters=letters,
                group=require_name("--group", group or f"headrace-{name}"),
                instance=require_name("--instance", instance) if instance else "",
                ended=ended.is_set,
            )
        )

        # Before this, a signal ends what has not begun, wherever it waits.
        stack.enter_context(noted_signals(ended))

        def find_models() -> StreamModels:
            status.failed_looks = watch.failures
            return StreamModels(watch.model, other, division)

        worker = StreamWorker(
            broker,
            EventScorer(codec),
            find_models,
            source=events.topic,
            status=status,
            limits=limits,
            ended=ended.is_set,
        )
        if metrics:
            host, port = _host_and_port(metrics)
            bound = stack.enter_context(
                serve_pages(status.answer_page, host=host, port=port, content="the metrics of the stream")
            )
            if started:
                started(f"http://{host}:{bound}/metrics")
        worker.run(until_end=until_end)
    return status.counts


def _may_change(model: ModelReference) -> bool:
    return isinstance(model, str) and "@" in model and "://" not in model and not Path(model).exists()


def _locate(model: ModelReference) -> tuple[str, str]:
    """Return location and version of a model's bundle."""
    if _may_change(model):
        from headrace.registry.resolve import find_bundle  # noqa: PLC0415 - a folder needs no registry

        return find_bundle(str(model))
    return resolve_model(model), ""


def _load(location: str, version: str, threads: int) -> "StreamModel":
    from headrace.serving.model.served_model import ServedModel  # noqa: PLC0415 - as above
    from headrace.streams.stream_model import StreamModel  # noqa: PLC0415 - as above

    if "://" not in location:
        return StreamModel(ServedModel.open(Path(location), threads=threads), version, location)
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - a folder needs no client of a store

    with tempfile.TemporaryDirectory(prefix="headrace-stream-") as scratch:
        served = ServedModel.open(fetch(location, Path(scratch) / "bundle"), threads=threads)
    return StreamModel(served, version, location)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise InputError(f"--metrics must be HOST:PORT, such as 127.0.0.1:9466; got {quote(address)} instead.")
    return host.strip("[]"), int(port)
