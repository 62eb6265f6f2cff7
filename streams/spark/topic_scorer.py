"""Scores the events of a topic: a function for ``DataFrame.mapInArrow`` from Spark's Kafka source to its Kafka sink.

Events become answers, tombstones and dead letters as in ``headrace stream``, by the same functions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.inference.prediction_table import REFUSED, SCORED
from headrace.streams.broker import EventBatch, Headers, OutgoingRecord
from headrace.streams.event_scorer import EventScorer, Refusal
from headrace.streams.outgoing import OutgoingPlan, build_records
from headrace.streams.spark.arrow_batches import ddl, import_pyarrow, require_columns
from headrace.streams.spark.pinned_model import PinnedModel
from headrace.streams.stream_model import StreamModels
from headrace.streams.values.json_values import JsonValues

# The default of a producer of Java (max.request.size).
LARGEST_RECORD = 1_048_576
_TOMBSTONE = "tombstone"
# Answers and dead letters go to the partition of their event, whatever its number.
_MOST_PARTITIONS = 2**31 - 1
_COLUMNS = {
    "topic": "string",
    "partition": "int",
    "key": "binary",
    "value": "binary",
    "headers": "array<struct<key: string, value: binary>>",
    "event_topic": "string",
    "event_partition": "int",
    "event_offset": "bigint",
    "status": "string",
    "reason": "string",
    "model_digest": "string",
}
_SOURCE = ("key", "value", "topic", "partition", "offset", "headers")


@dataclass(frozen=True)
class SparkTopicScorer:
    """A function that Spark calls with batches of events; small to pickle, since the model is opened by each worker.

    Attributes:
        pinned: The model.
        answers: Topic of the answers.
        dead_letters: Topic of the dead letters.
        largest_record: Most bytes of a record of these topics.
    """

    pinned: PinnedModel
    answers: str
    dead_letters: str
    largest_record: int = LARGEST_RECORD

    def __post_init__(self) -> None:
        """Raise if the topics or the size cannot be used.

        Raises:
            InputError: If the topics are not two, or no record would be small enough.
        """
        if not self.answers or not self.dead_letters or self.answers == self.dead_letters:
            raise InputError(
                f"answers and dead letters must be two topics; got {quote(self.answers)} and "
                f"{quote(self.dead_letters)} instead."
            )
        if self.largest_record < 1_000:
            raise InputError(f"the largest record must have at least 1000 bytes; got {self.largest_record} instead.")

    @property
    def schema(self) -> str:
        """The columns that it returns, as Spark's DDL: those of the Kafka sink, then where the event came from."""
        return ddl(_COLUMNS)

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield the records that answer the events of batches.

        Args:
            batches: ``pyarrow.RecordBatch``, each of n rows with the columns of Spark's Kafka source, headers included.

        Yields:
            ``pyarrow.RecordBatch``, each of n rows with the columns of ``schema``.

        Raises:
            InputError: If a column of the source is absent, or an event comes from a topic that is written to.
            MissingError: If this worker cannot read the bundle.
            BundleError: If it is not the bundle that the driver chose.
        """
        models, scorer = StreamModels(self.pinned.open()), EventScorer(JsonValues())
        for batch in batches:
            if batch.num_rows:
                yield self._answer(batch, models, scorer)

    def _answer(self, batch: Any, models: StreamModels, scorer: EventScorer) -> Any:
        hint = "take them from Spark's Kafka source, with the option includeHeaders set to true"
        require_columns(batch, _SOURCE, hint=hint)
        columns: dict[str, list[Any]] = {name: batch.column(name).to_pylist() for name in _SOURCE}
        rows: list[tuple[Any, ...]] = []
        start = 0
        # Each batch of Spark's source is of one topic; one that was shuffled may be of several.
        for topic, group in groupby(columns["topic"]):
            end = start + len(list(group))
            events = _events({name: values[start:end] for name, values in columns.items()})
            rows += self._answer_topic(topic, events, models, scorer)
            start = end
        return _as_batch(rows)

    def _answer_topic(
        self, topic: str, events: EventBatch, models: StreamModels, scorer: EventScorer
    ) -> Iterator[tuple[Any, ...]]:
        """Yield a row of ``schema`` for each event."""
        if topic in {self.answers, self.dead_letters}:
            raise InputError(f"events must come from another topic than those that are written; got {quote(topic)}.")
        largest = dict.fromkeys((self.answers, self.dead_letters), self.largest_record)
        plan = OutgoingPlan(topic, self.answers, self.dead_letters, _MOST_PARTITIONS, largest)
        scored = scorer.score(events, models)
        records, refusals = build_records(events, scored, plan)
        refused = iter(refusals)
        for record, partition, offset in zip(records, events.partitions, events.offsets, strict=True):
            status, reason = self._status(record, refused)
            sent = (record.topic, record.partition, record.key, record.value, _as_structs(record.headers))
            yield (*sent, topic, partition, offset, status, reason, self.pinned.digest)

    def _status(self, record: OutgoingRecord, refused: Iterator[Refusal]) -> tuple[str, str | None]:
        if record.topic == self.dead_letters:
            return REFUSED, next(refused).reason
        return (_TOMBSTONE if record.value is None else SCORED), None


def _events(columns: dict[str, list[Any]]) -> EventBatch:
    count = len(columns["value"])
    headers: list[Headers | None] = [
        [(header["key"], header["value"]) for header in found] if found else None for found in columns["headers"]
    ]
    # Spark's sink gives records the time of writing, so the events' own times are not needed.
    return EventBatch(columns["value"], columns["key"], headers, [0] * count, columns["partition"], columns["offset"])


def _as_structs(headers: Headers | Sequence[tuple[str, Any]] | None) -> list[dict[str, Any]] | None:
    return [{"key": name, "value": value} for name, value in headers] if headers else None


def _as_batch(rows: Sequence[tuple[Any, ...]]) -> Any:
    pa = import_pyarrow()
    header = pa.struct([pa.field("key", pa.string()), pa.field("value", pa.binary())])
    types = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "binary": pa.binary(),
        _COLUMNS["headers"]: pa.list_(header),
    }
    arrays = [
        pa.array(values, types[kind]) for values, kind in zip(zip(*rows, strict=True), _COLUMNS.values(), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(_COLUMNS))
