"""The scorer of events answers and refuses as the server does, whatever else is in the batch."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.streams.event_scorer import EventScorer, Refusal
from headrace.streams.stream_model import KeyDivision, StreamModels
from headrace.streams.values.json_values import JsonValues
from tests.streams.made_streams import GOOD, POISON, batch_of, event, models, stream_model

_SCORER = EventScorer(JsonValues())
_VALUES = st.sampled_from(
    [
        GOOD,
        event(age=31),
        event(age=31.0),
        event(age="44"),
        event(age="forty"),
        event(age=None),
        event(spend=None),
        event(spend=1e300),
        event(spend=10**30),
        event(plan="unheard"),
        event(joined="yesterday"),
        event(extra=1),
        json.dumps({"age": 30}).encode(),
        json.dumps([30, 2.5, "basic", "2024-05-01 10:15:00"]).encode(),
        b"[1]",
        b"[[1]]",
        b"7",
        b"null",
        b'"text"',
        b"{}",
        b"",
        b"\xff\xfe",
        b"NaN",
        POISON,
        GOOD + b"," + GOOD,
        None,
    ]
)


def _server_says(value: bytes) -> Any:
    """What the server answers to an event alone, without its facts."""
    served = stream_model().served
    try:
        row = orjson.loads(value)
    except ValueError:
        return "value"
    try:
        return served.objects(served.predict_validated([row]))[0]
    except RequestError as error:
        return error.reason


@given(values=st.lists(_VALUES, max_size=30))
def test_each_event_gets_what_the_server_says_to_it_alone(values: list[bytes | None]) -> None:
    """Answers equal to the last digit, refusals for the same reason, in a batch of any composition."""
    scored = _SCORER.score(batch_of(values), models())
    for place, (value, outcome) in enumerate(zip(values, scored.outcomes, strict=True)):
        if value is None:
            assert outcome is None
            continue
        expected = _server_says(value)
        if isinstance(outcome, Refusal):
            assert expected == outcome.reason
            assert outcome.sentence.endswith(".")
            assert not outcome.sentence.startswith("row 0")
        else:
            assert outcome is not None
            facts = {"model_name": "customers", "model_version": "1.0.0", "event_offset": 100 + place}
            assert json.loads(outcome) == {**expected, **facts, "model_digest": stream_model().served.digest}


def test_an_event_without_key_and_value_is_refused() -> None:
    """It deletes nothing; with a key it is a tombstone, which is passed on."""
    scored = _SCORER.score(batch_of([None, None, GOOD], keys=[None, b"a", None]), models())
    refusal, tombstone, answer = scored.outcomes
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "empty"
    assert tombstone is None
    assert isinstance(answer, bytes)


@pytest.mark.parametrize("value", [b'["1", null, "{}", []]', b'[1, 5, "{}", []]', b'[1, null, "{}", [["a"]]]'])
def test_a_line_of_a_folder_with_a_fault_is_told_apart(value: bytes) -> None:
    """Its dead letter says what such a line looks like; a row as an array has no array at its end."""
    outcomes = EventScorer(JsonValues()).score(batch_of([value, b"[1, 2, 3]"]), models()).outcomes
    line, row = outcomes
    assert isinstance(line, Refusal)
    assert isinstance(row, Refusal)
    assert "[timestamp, key, value, headers]" in line.sentence
    assert "timestamp" not in row.sentence


def test_a_row_without_a_finite_answer_does_not_keep_others_from_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only it goes to the dead letters, for the reason ``answer``."""
    served = stream_model().served
    engine = served.scorer.engine

    def sometimes(matrix: Any) -> Any:
        scores = engine(matrix)
        return np.where(matrix[:, :1] == 31, np.nan, scores)

    monkeypatch.setattr(type(served.scorer), "scores", lambda _, matrix: sometimes(matrix))
    outcomes = _SCORER.score(batch_of([GOOD, event(age=31), event(age=32)]), models()).outcomes
    assert [isinstance(outcome, bytes) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], Refusal)
    assert outcomes[1].reason == "answer"


def test_a_candidate_answers_its_share_of_the_keys() -> None:
    """The same keys each time, by the assignment of A/B tests; what has no key, or no text for one, it leaves."""
    division = KeyDivision("summer", 0.3)
    both = StreamModels(stream_model(), stream_model("2.0.0"), division)
    keys: list[bytes | None] = [b"customer-%d" % number for number in range(300)]
    keys += [None, b"\xff"]
    scored = _SCORER.score(batch_of([GOOD] * len(keys), keys=keys), both)
    versions = [
        json.loads(outcome or b"")["model_version"] for outcome in scored.outcomes if isinstance(outcome, bytes)
    ]
    assert versions == ["2.0.0" if division.is_candidate(key) else "1.0.0" for key in keys]
    assert 60 < versions.count("2.0.0") < 120
    assert versions[-2:] == ["1.0.0", "1.0.0"]
    assert [model.version for model in scored.models] == versions
