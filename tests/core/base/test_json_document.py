"""Documents as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from headrace.core.base import json_document
from headrace.core.base.errors import InputError
from headrace.core.base.json_document import ABSENT_AS_EMPTY


@dataclass(frozen=True)
class Leg:
    """A part of a journey."""

    name: str
    miles: float
    stops: tuple[int, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Journey:
    """A document with a field of every kind."""

    way: Literal["road", "rail"]
    legs: tuple[Leg, ...]
    prices: Mapping[str, float]
    paid: bool
    more: Mapping[str, Any]
    guide: Leg | None = field(metadata=ABSENT_AS_EMPTY)
    end: str | None
    spare: Leg | None = None


WHOLE = Journey(
    "rail", (Leg("a", 1.5, (1, 2)), Leg("b", 2)), {"x": 1.0}, True, {"k": [1, None]}, Leg("g", 0), "z", None
)
BARE = Journey("road", (), {}, False, {}, None, None)


def read(facts: Any) -> Journey:
    """A journey of plain values."""
    return json_document.from_json(Journey, facts, expected="a journey must be one", remedy="travel again")


@pytest.mark.parametrize("document", [WHOLE, BARE])
def test_what_is_written_is_read_back(document: Journey) -> None:
    """Through a JSON file."""
    facts = json_document.as_json(document)
    assert read(json.loads(json.dumps(facts))) == document
    assert json_document.as_json(read(facts)) == facts


def test_what_is_absent_is_written_as_declared() -> None:
    """As an empty object, as null, or without a key."""
    assert json_document.as_json(BARE) == {
        "way": "road",
        "legs": [],
        "prices": {},
        "paid": False,
        "more": {},
        "guide": {},
        "end": None,
    }


def test_numbers_stay_as_they_are() -> None:
    """A whole number in place of a decimal one is written as a whole number again."""
    facts = json_document.as_json(WHOLE)
    assert json.dumps(json_document.as_json(read(facts))) == json.dumps(facts)
    assert '"miles": 2}' in json.dumps(facts).replace(', "stops": []', "")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"way": "sea"}, "'way' must be one of road, rail; got 'sea'"),
        ({"paid": 1}, "'paid' must be true or false; got 1"),
        ({"prices": {"x": True}}, "'prices.x' must be a number; got True"),
        ({"prices": []}, "'prices' must be an object; got []"),
        ({"legs": {}}, "'legs' must be a list; got {}"),
        ({"legs": [{"name": "a", "miles": 1}, {"name": "b"}]}, "'legs.1' lacks the key 'miles'"),
        (
            {"legs": [{"name": "a", "miles": 1, "stops": [1, "2"]}]},
            "'legs.0.stops.1' must be a whole number; got '2'",
        ),
        ({"legs": [7]}, "'legs.0' must be an object; got 7"),
        ({"guide": None}, "'guide' must be an object; got None"),
        ({"spare": None}, "'spare' must be an object; got None"),
        ({"spare": {}}, "'spare' lacks the key 'name'"),
        ({"other": 1}, "it has the unknown key 'other'"),
    ],
)
def test_another_document_is_refused_with_the_place(change: dict[str, Any], fault: str) -> None:
    """One sentence: what it must be, what is wrong where, and the remedy."""
    with pytest.raises(InputError) as caught:
        read(json_document.as_json(WHOLE) | change)
    assert str(caught.value) == f"a journey must be one; {fault}: travel again."


@pytest.mark.parametrize(("facts", "fault"), [([], "it must be an object; got []"), ({}, "it lacks the key 'way'")])
def test_what_is_no_document_is_refused(facts: Any, fault: str) -> None:
    """Whatever the file holds."""
    with pytest.raises(InputError) as caught:
        read(facts)
    assert str(caught.value) == f"a journey must be one; {fault}: travel again."
