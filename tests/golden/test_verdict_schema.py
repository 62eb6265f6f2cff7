"""The gate's verdict keeps its documented schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from headrace.core.base.errors import InputError
from headrace.core.evaluation.verdict import GateComparison, GateVerdict

SCHEMA = Path(__file__).parents[2] / "docs" / "verdict.schema.json"
VERDICT = GateVerdict("hold", ("roc_auc is not clearly different.",), GateComparison("champion"), {"f1": 0.8}, 0)


@pytest.mark.parametrize(
    "comparison",
    [
        GateComparison("champion"),
        GateComparison("baseline", "roc_auc", 0.1, 0.05, 0.2, 0.001, "DeLong", better=True, worse=False),
        GateComparison("baseline", "roc_auc", 0.1, 0.05, 0.2, 0.001, "DeLong", True, False, 0.5),
    ],
)
def test_a_verdict_keeps_the_schema_and_is_read_back(comparison: GateComparison) -> None:
    """What is written has the fields that are documented and no other, and reads as what it was."""
    verdict = GateVerdict("promote", ("All 1 bounds of metrics are met.",), comparison, {"f1": 0.8}, 0)
    facts = verdict.as_json()
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    assert validator.is_valid(facts)
    assert not validator.is_valid({**facts, "more": 1})
    assert not validator.is_valid({**facts, "verdict": "perhaps"})
    assert GateVerdict.from_json(json.loads(json.dumps(facts))) == verdict


def test_what_is_absent_has_no_key() -> None:
    """A verdict's JSON holds no null."""
    assert VERDICT.as_json() == {
        "verdict": "hold",
        "reasons": ["roc_auc is not clearly different."],
        "comparison": {"against": "champion"},
        "metric_bounds": {"f1": 0.8},
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "perhaps"}, "must be one of promote, hold, reject; got 'perhaps'"),
        ({"comparison": None}, "must be what the step gate writes"),
        ({"reasons": None}, "must be what the step gate writes"),
        ({"more": 1}, "must be what the step gate writes"),
    ],
)
def test_another_document_is_refused(change: dict[str, Any], message: str) -> None:
    """The sentence says what is expected and what to do."""
    with pytest.raises(InputError, match=message):
        GateVerdict.from_json({**VERDICT.as_json(), **change})
