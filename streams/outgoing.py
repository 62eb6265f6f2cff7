"""Records that answer a batch: answers, tombstones and dead letters, within the sizes that topics allow."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from headrace.streams.broker import EventBatch, Headers, OutgoingRecord
from headrace.streams.event_scorer import Refusal, ScoredBatch
from headrace.streams.values.schema_lookup import SCHEMA_HEADER

# What a record takes beside key, value and headers; each header takes some bytes, too.
_OVERHEAD = 128
_HEADER_OVERHEAD = 16
_MOST_SENTENCE = 2_000
SIZE = "size"


@dataclass(frozen=True)
class OutgoingPlan:
    """Where records go.

    Attributes:
        source: Name of the topic of the events, for dead letters.
        answers: Topic of the answers.
        dead_letters: Topic of the dead letters.
        dead_letter_partitions: Number of its partitions.
        largest: Most bytes of a record, by topic.
    """

    source: str
    answers: str
    dead_letters: str
    dead_letter_partitions: int
    largest: Mapping[str, int]


def build_records(
    batch: EventBatch, scored: ScoredBatch, plan: OutgoingPlan, *, now: Callable[[], float] = time.time
) -> tuple[list[OutgoingRecord], list[Refusal]]:
    """Return one record for each of n events, in their order, and the refusals among them.

    An answer has key, headers and partition of its event, and its time unless that lies in the future: a broker refuses
    records from the future. The header that names the schema of the event's value is left out, since it would be taken
    for that of the answer. A tombstone is passed on, so that a compacted topic deletes the answer of its key.

    Args:
        batch: n events.
        scored: What became of them.
        plan: Where records go.
        now: Returns the time in seconds since 1970.
    """
    latest = int(now() * 1000)
    usual = _answer_all(batch, scored, plan, latest)
    if usual is not None:
        return usual, []
    records: list[OutgoingRecord] = []
    refusals: list[Refusal] = []
    answers, largest = plan.answers, plan.largest[plan.answers]
    events = zip(batch.partitions, batch.keys, batch.headers, batch.timestamps, strict=True)
    for place, ((partition, key, given, timestamp), outcome) in enumerate(zip(events, scored.outcomes, strict=True)):
        refusal = outcome
        if not isinstance(outcome, Refusal):
            headers = _without_schema(given) if given else given
            record = OutgoingRecord(answers, partition, outcome, key, headers, min(latest, timestamp))
            # Nearly all records are far from the limit; few need to be measured.
            if not headers and len(outcome or b"") + len(key or b"") + _OVERHEAD <= largest:
                records.append(record)
                continue
            size = _size(record)
            if size <= largest:
                records.append(record)
                continue
            refusal = Refusal(SIZE, f"an answer must have at most {largest} bytes; with key and headers it has {size}.")
        assert isinstance(refusal, Refusal)  # noqa: S101 - for the type checker
        refusals.append(refusal)
        records.append(_dead_letter(batch, place, refusal, scored, plan, latest))
    return records, refusals


def _answer_all(batch: EventBatch, scored: ScoredBatch, plan: OutgoingPlan, latest: int) -> list[OutgoingRecord] | None:
    """Return the records of a batch of keys and answers alone, none of them large, as most are; else None."""
    values, keys = scored.outcomes, batch.keys
    if set(map(type, values)) != {bytes} or set(map(type, keys)) != {bytes} or any(batch.headers):
        return None
    answers: list[bytes] = values  # type: ignore[assignment]  # as was just checked
    if max(map(len, answers)) + max(map(len, keys)) + _OVERHEAD > plan.largest[plan.answers]:  # type: ignore[arg-type]
        return None
    times = [min(latest, timestamp) for timestamp in batch.timestamps]
    topics = itertools.repeat(plan.answers)
    return list(map(OutgoingRecord, topics, batch.partitions, answers, keys, batch.headers, times))


def _dead_letter(
    batch: EventBatch, place: int, refusal: Refusal, scored: ScoredBatch, plan: OutgoingPlan, latest: int
) -> OutgoingRecord:
    """Return an event as it came, with the reason and its place in its topic as headers.

    Where it is too large for the topic, its value is left out, then its key and headers; a header says so.
    """
    partition, value, key = batch.partitions[place], batch.values[place], batch.keys[place]
    model = scored.models[place]
    facts: list[tuple[str, bytes | None]] = [
        ("headrace-reason", refusal.reason.encode()),
        ("headrace-sentence", refusal.sentence[:_MOST_SENTENCE].encode()),
        ("headrace-topic", plan.source.encode()),
        ("headrace-partition", b"%d" % partition),
        ("headrace-offset", b"%d" % batch.offsets[place]),
        ("headrace-model", f"{model.served.name} {model.version}".strip().encode()),
        ("headrace-digest", model.served.digest.encode()),
    ]
    headers: Headers = [*(batch.headers[place] or ()), *facts]
    target, time_stamp = partition % plan.dead_letter_partitions, min(batch.timestamps[place], latest)
    largest = plan.largest[plan.dead_letters]
    record = OutgoingRecord(plan.dead_letters, target, value, key, headers, time_stamp)
    if _size(record) <= largest:
        return record
    omitted = ("headrace-omitted", b"value of %d bytes" % len(value or b""))
    record = OutgoingRecord(plan.dead_letters, target, b"", key, [*headers, omitted], time_stamp)
    if _size(record) <= largest:
        return record
    omitted = ("headrace-omitted", b"value of %d bytes, key, headers" % len(value or b""))
    return OutgoingRecord(plan.dead_letters, target, b"", None, [*facts, omitted], time_stamp)


def _without_schema(headers: Headers) -> Headers:
    return [header for header in headers if header[0] != SCHEMA_HEADER]


def _size(record: OutgoingRecord) -> int:
    return _OVERHEAD + len(record.value or b"") + len(record.key or b"") + _headers_size(record.headers or ())


def _headers_size(headers: Headers | Sequence[tuple[str, bytes | None]]) -> int:
    return sum(len(name.encode()) + len(value or b"") + _HEADER_OVERHEAD for name, value in headers)
