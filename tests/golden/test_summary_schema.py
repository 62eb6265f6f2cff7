"""The documented schema of the summary is the one that the code keeps."""

import json

import pytest

from headrace.pipelines.local.summary import Summary
from tests.conftest import REPOSITORY

SCHEMA = REPOSITORY / "docs" / "summary.schema.json"


def test_the_schema_is_current(request: pytest.FixtureRequest) -> None:
    """`make compiled` renews the schema."""
    fresh = json.dumps(Summary.model_json_schema(), indent=1) + "\n"
    if request.config.getoption("--rewrite"):
        SCHEMA.write_text(fresh)
    assert SCHEMA.read_text() == fresh, "run `make compiled` and read the diff"
