"""The documented schema of a rollout's record is the one that the code keeps."""

import json

import pytest

from headrace.rollouts.record.record import RolloutRecord
from tests.conftest import REPOSITORY

SCHEMA = REPOSITORY / "docs" / "rollout.schema.json"


def test_the_schema_is_current(request: pytest.FixtureRequest) -> None:
    """`make compiled` renews the schema."""
    fresh = json.dumps(RolloutRecord.model_json_schema(), indent=1) + "\n"
    if request.config.getoption("--rewrite"):
        SCHEMA.write_text(fresh)
    assert SCHEMA.exists(), "run `make compiled`"
    assert SCHEMA.read_text() == fresh, "run `make compiled` and read the diff"
