"""The documented schema of what a search leaves is the one that the code keeps."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pydantic import TypeAdapter

from headrace.core.base.errors import DataError
from headrace.experiments.search.result import SearchDocument
from headrace.experiments.tuners.tune import SearchOptions
from tests.conftest import REPOSITORY
from tests.core import made
from tests.experiments.tuners.test_tune import breaking, tuned

SCHEMA = REPOSITORY / "docs" / "tuning.schema.json"
_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n {4}.*)*)", re.MULTILINE)


def _explained(part: dict[str, Any]) -> dict[str, Any]:
    """A class's schema with its docstring told by field; every field is always there, and no other is."""
    head, _, attributes = part["description"].partition("\n\nAttributes:\n")
    said = {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(textwrap.dedent(attributes))}
    fields = {
        name: {**{key: value for key, value in field.items() if key not in {"title", "default"}}, **_told(said[name])}
        for name, field in part["properties"].items()
    }
    rest = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"title": part["title"], "description": " ".join(head.split()), **rest}


def _told(text: str) -> dict[str, str]:
    return {"description": text.replace("``", "`").replace("None if", "null if").replace("None to", "null to")}


def schema() -> dict[str, Any]:
    """JSON Schema of ``Result.as_json()``."""
    found = TypeAdapter(SearchDocument).json_schema()
    parts = {name: _explained(part) for name, part in found.pop("$defs").items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_explained(found), "$defs": parts}


def test_the_schema_is_current(request: pytest.FixtureRequest) -> None:
    """`make compiled` renews the schema."""
    fresh = json.dumps(schema(), indent=1) + "\n"
    if request.config.getoption("--rewrite"):
        SCHEMA.write_text(fresh)
    assert SCHEMA.read_text() == fresh, "run `make compiled` and read the diff"


def _valid(facts: dict[str, Any]) -> bool:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).is_valid(facts)


def test_a_search_keeps_the_schema(tmp_path: Path) -> None:
    """What is written has every field that is documented, and no other; one more or less would be noticed."""
    wish = SearchOptions(families=("logistic", "naive_bayes"), budget="3", folds=2, nested=True)
    _, told = tuned(tmp_path, wish, frame=made.table(80))
    assert told["nested"]
    assert _valid(told)
    assert not _valid({**told, "more": 1})
    assert not _valid({key: value for key, value in told.items() if key != "best"})
    told["trials"][0]["status"] = "lucky"
    assert not _valid(told)


def test_a_search_that_found_nothing_keeps_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no best trial and no score."""
    breaking("logistic", ValueError("no luck"), monkeypatch=monkeypatch)
    with pytest.raises(DataError):
        tuned(tmp_path, SearchOptions(families=("logistic",), budget="2"))
    assert _valid(json.loads((tmp_path / "trials.json").read_text()))
