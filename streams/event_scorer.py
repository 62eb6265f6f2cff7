"""Scores a batch of events: the contract checks each, the server's engine scores them together.

One event that breaks the contract never changes what the others get: the batch is scored at once if all of it is
plainly valid, which is the usual case; else each event is encoded alone, and those on which only the full validation
can decide are halved until each refusal has its event. All three ways use ``ServedModel``, so a stream answers and
refuses as the server does.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from headrace.core.base.errors import RequestError
from headrace.core.inference.request_encoder import EncodedRows
from headrace.serving.model.served_model import ScoredRows, ServedModel
from headrace.streams.broker import EventBatch
from headrace.streams.stream_model import StreamModel, StreamModels
from headrace.streams.values.value_codec import ValueCodec

# The reason of a tombstone that deletes nothing, since it names no key.
EMPTY = "empty"
_LINE = (
    "It looks like a line [timestamp, key, value, headers] of a topic in a folder, whose timestamp is a number of "
    'milliseconds, whose key and value are texts, {"base64": "…"} or null, and whose headers are pairs of a name and '
    "such a value."
)


class Refusal(NamedTuple):
    """Why an event was not scored.

    Attributes:
        reason: One word, such as a rule of the contract, ``value`` or ``empty``.
        sentence: What was expected and what was found.
    """

    reason: str
    sentence: str


@dataclass
class ScoredBatch:
    """What became of n events; ``outcomes`` has n entries.

    Attributes:
        outcomes: Of each event the value of its answer, a refusal, or None for a tombstone, which is passed on.
        models: Of each event the model that decided about it.
        warnings: Sentences about rules that only warn, with their number.
    """

    outcomes: list[bytes | Refusal | None]
    models: list[StreamModel]
    warnings: Counter[str] = field(default_factory=Counter)


class EventScorer:
    """Scores events of one form of values."""

    def __init__(self, codec: ValueCodec) -> None:
        """Prepare to score.

        Args:
            codec: How values are read and written.
        """
        self._codec = codec

    def score(self, batch: EventBatch, models: StreamModels) -> ScoredBatch:
        """Score a batch.

        Args:
            batch: n events.
            models: What answers them.

        Raises:
            SchemasUnavailable: If a schema registry does not answer; the whole batch must come again.
        """
        result = ScoredBatch([None] * len(batch), [models.model] * len(batch))
        for model, chosen in models.divide(batch.keys):
            places = range(len(batch)) if chosen is None else chosen
            if chosen is not None:
                for place in places:
                    result.models[place] = model
            self._score_with(model, batch, places, result)
        return result

    def _score_with(self, model: StreamModel, batch: EventBatch, places: Sequence[int], result: ScoredBatch) -> None:
        chosen = [(place, batch.values[place]) for place in places]
        kept = [place for place, value in chosen if value is not None]
        values = [value for _, value in chosen if value is not None]
        headers = [batch.headers[place] for place in kept] if any(batch.headers) else ()
        rows = self._codec.decode(values, headers)
        if len(kept) < len(chosen):
            for place, value in chosen:
                if value is None and batch.keys[place] is None:
                    sentence = "an event must have a value, or a key whose answer it deletes."
                    result.outcomes[place] = Refusal(EMPTY, sentence)
        for indices, scored in _score_rows(model.served, rows, result.warnings):
            if isinstance(scored, Refusal):
                result.outcomes[kept[indices[0]]] = _explain(scored, rows[indices[0]])
                continue
            answered = kept if len(indices) == len(kept) else [kept[index] for index in indices]
            answers = self._codec.encode(model, scored, [batch.offsets[place] for place in answered])
            for place, answer in zip(answered, answers, strict=True):
                result.outcomes[place] = answer


_Scored = tuple[Sequence[int], ScoredRows | Refusal]
"""Indices of rows with the answers to them, or the index of one row with its refusal."""


def _score_rows(served: ServedModel, rows: list[Any], warnings: Counter[str]) -> Iterator[_Scored]:
    """Yield answers or refusals for n rows; in the place of a row may be the error of its decoding."""
    encoded = served.encoder.try_rows(rows) if rows else None
    if encoded is not None:
        yield from _score_encoded(served, range(len(rows)), encoded, warnings)
        return
    plain: list[tuple[int, EncodedRows]] = []
    undecided: dict[Any, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if isinstance(row, RequestError):
            yield [index], _refuse(row)
            continue
        encoded = served.encoder.try_rows([row])
        if encoded is not None:
            plain.append((index, encoded))
        else:
            # Rows of other columns would refuse one another.
            undecided[tuple(row) if isinstance(row, dict) else type(row)].append(index)
    if plain:
        together = EncodedRows(np.concatenate([encoded.matrix for _, encoded in plain]))
        yield from _score_encoded(served, [index for index, _ in plain], together, warnings)
    for group in undecided.values():
        yield from _judge(served, rows, group, warnings)


def _judge(served: ServedModel, rows: list[Any], group: list[int], warnings: Counter[str]) -> Iterator[_Scored]:
    """Validate rows in full, halving them until each refusal has its row."""
    try:
        encoded = served.encoder.encode_rows([rows[index] for index in group])
    except RequestError as error:
        if len(group) == 1:
            yield group, _refuse(error)
            return
        middle = len(group) // 2
        yield from _judge(served, rows, group[:middle], warnings)
        yield from _judge(served, rows, group[middle:], warnings)
        return
    yield from _score_encoded(served, group, encoded, warnings)


def _score_encoded(
    served: ServedModel, indices: Sequence[int], encoded: EncodedRows, warnings: Counter[str]
) -> Iterator[_Scored]:
    """Score rows of the model matrix (n, p), each alone if one of them has no finite answer."""
    warnings.update(encoded.warnings)
    try:
        scored = served.score(encoded)
    except RequestError as error:
        if len(indices) == 1:
            yield indices, _refuse(error)
            return
        for place, index in enumerate(indices):
            yield from _score_encoded(served, [index], EncodedRows(encoded.matrix[place : place + 1]), warnings)
    else:
        yield indices, scored


def _explain(refusal: Refusal, row: Any) -> Refusal:
    """Add to a refusal what a line of a topic in a folder looks like, if the row seems to be one with a fault."""
    if not (isinstance(row, list) and len(row) == 4 and isinstance(row[-1], list)):
        return refusal
    return refusal._replace(sentence=f"{refusal.sentence} {_LINE}")


def _refuse(error: RequestError) -> Refusal:
    # The place in the batch is of no use to a reader.
    return Refusal(error.reason, str(error).removeprefix("row 0, ").replace("row 0 ", "the event ", 1))
