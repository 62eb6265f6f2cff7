"""Values in JSON."""

import json
from types import SimpleNamespace

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from headrace.serving.model.served_model import ScoredRows
from headrace.streams.stream_model import StreamModel
from headrace.streams.values.json_values import JsonValues

_TEXTS = st.text(max_size=8)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


class _Served:
    """The names of a model without intervals."""

    scorer = SimpleNamespace(intervals=None)

    def __init__(self, name: str, classes: tuple[str, ...]) -> None:
        self.name, self.classes, self.digest = name, classes, "ab%b%%" * 3

    answers_alerts: bool = False


@given(data=st.data(), name=_TEXTS, version=_TEXTS, classes=st.lists(_TEXTS, min_size=2, max_size=4, unique=True))
def test_an_answer_is_what_a_dictionary_would_be(
    data: st.DataObject, name: str, version: str, classes: list[str]
) -> None:
    """Whatever the names of model and classes are, and to the last digit of each number."""
    rows = data.draw(st.lists(st.lists(_NUMBERS, min_size=len(classes), max_size=len(classes)), min_size=1, max_size=5))
    chosen = [data.draw(st.integers(0, len(classes) - 1)) for _ in rows]
    model = StreamModel(_Served(name, tuple(classes)), version, "")  # type: ignore[arg-type]
    scored = ScoredRows(rows, chosen, (), np.empty((0, 0)))
    offsets = [data.draw(st.integers(0, 2**63 - 1)) for _ in rows]
    got = JsonValues().encode(model, scored, offsets)
    facts = {"model_name": name, "model_version": version, "model_digest": model.served.digest}
    assert got == [
        orjson.dumps(
            {
                "label": classes[label],
                "probabilities": dict(zip(classes, row, strict=True)),
                **facts,
                "event_offset": offset,
            }
        )
        for row, label, offset in zip(rows, chosen, offsets, strict=True)
    ]


def test_names_that_look_like_a_place_for_a_number_are_names() -> None:
    """A version or a class of the one character that stood for a number once ended the stream."""
    model = StreamModel(_Served("\0", ("\0", "b")), "\0", "")  # type: ignore[arg-type]
    (answer,) = JsonValues().encode(model, ScoredRows([[0.25, 0.75]], [0], (), np.empty((0, 0))), [7])
    read = json.loads(answer)
    assert (read["label"], read["probabilities"], read["model_version"]) == ("\0", {"\0": 0.25, "b": 0.75}, "\0")


@given(values=st.lists(_NUMBERS, min_size=1, max_size=5))
def test_an_answer_of_a_regression(values: list[float]) -> None:
    """It has a value."""
    model = StreamModel(_Served("m", ()), "", "")  # type: ignore[arg-type]
    got = JsonValues().encode(model, ScoredRows(values, [], (), np.empty((0, 0))), range(len(values)))
    assert [json.loads(one)["value"] for one in got] == values
    assert [json.loads(one)["event_offset"] for one in got] == list(range(len(values)))
