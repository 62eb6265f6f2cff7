"""The documented schemas of the suite's documents are those that the code keeps."""

import json
from typing import Any

import jsonschema_rs
import pytest

from headrace.core.ab_tests.plan import ABTestPlan
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.evaluation.evaluation_document import BundleMetrics, Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.monitors.data.window_counts import WindowRecord
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.decisions.pull_out import PullOutRecord
from headrace.core.monitors.performance.daily_losses import DailyLosses
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.validation.data_checks import DataChecks
from tests.conftest import REPOSITORY
from tests.golden.document_schema import schema_of

DOCUMENTS = {
    "ab-test": ABTestResult,
    "ab-test-plan": ABTestPlan,
    "data-checks": DataChecks,
    "decision": MonitorDecision,
    "evaluation": Evaluation,
    "metrics": BundleMetrics,
    "losses": DailyLosses,
    "monitor": MonitorReport,
    "profile": ReferenceProfile,
    "provenance": Provenance,
    "pull-out": PullOutRecord,
    "verdict": GateVerdict,
    "window": WindowRecord,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_is_current(name: str, request: pytest.FixtureRequest) -> None:
    """`make compiled` renews the schemas."""
    path = REPOSITORY / "docs" / f"{name}.schema.json"
    fresh = json.dumps(schema_of(DOCUMENTS[name]), indent=1) + "\n"
    if request.config.getoption("--rewrite"):
        path.write_text(fresh)
    assert path.read_text() == fresh, "run `make compiled` and read the diff"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_is_one(name: str) -> None:
    """A validator accepts it, and every field of it is described."""
    schema = json.loads((REPOSITORY / "docs" / f"{name}.schema.json").read_text())
    jsonschema_rs.meta.validate(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        assert all(facts["description"] for facts in part["properties"].values())


def valid(name: str, facts: Any) -> bool:
    """Whether plain values keep a document's schema."""
    schema = json.loads((REPOSITORY / "docs" / f"{name}.schema.json").read_text())
    return bool(jsonschema_rs.validator_for(schema).is_valid(facts))
