"""Answers in Avro."""

import io
import json
from types import SimpleNamespace

import fastavro
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.serving.model.served_model import ScoredRows
from headrace.streams.stream_model import StreamModel
from headrace.streams.values.avro_answers import AvroAnswers, answer_schema
from headrace.streams.values.json_values import JsonValues

_TEXTS = st.text(max_size=8)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


class _Served:
    """The names of a model."""

    def __init__(self, name: str, classes: tuple[str, ...]) -> None:
        self.name, self.classes, self.digest = name, classes, "ab" * 32
        self.scorer = SimpleNamespace(intervals=None)

    answers_alerts: bool = False


@given(
    data=st.data(),
    name=_TEXTS,
    version=_TEXTS,
    classes=st.lists(_TEXTS, min_size=2, max_size=4, unique=True) | st.just([]),
)
def test_an_answer_says_what_it_says_in_json(data: st.DataObject, name: str, version: str, classes: list[str]) -> None:
    """Whatever the names of model and classes are, and to the last digit; read by the schema alone."""
    scores = st.lists(_NUMBERS, min_size=len(classes), max_size=len(classes)) if classes else _NUMBERS
    rows = data.draw(st.lists(scores, min_size=1, max_size=5))
    chosen = [data.draw(st.integers(0, len(classes) - 1)) for _ in rows] if classes else []
    model = StreamModel(_Served(name, tuple(classes)), version, "")  # type: ignore[arg-type]
    scored = ScoredRows(rows, chosen, (), np.empty((0, 0)))
    offsets = [data.draw(st.integers(0, 2**63 - 1)) for _ in rows]
    schema = fastavro.parse_schema(json.loads(answer_schema(has_classes=bool(classes))))
    in_avro = [
        fastavro.schemaless_reader(io.BytesIO(one), schema, None)
        for one in AvroAnswers().encode(model, scored, offsets)
    ]
    assert in_avro == list(map(json.loads, JsonValues().encode(model, scored, offsets)))
