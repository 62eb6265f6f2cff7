"""Tests of a MOJO beside its description and its contract."""

import json
from dataclasses import replace

import pytest

from headrace.core.base.errors import BundleError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.mojo.mojo_checks import check_mojo
from headrace.core.mojo.mojo_description import MojoDescription
from tests.core.mojo.made_mojo import DESCRIPTION, mojo

CONTRACT = Contract(
    name="made",
    task="binary",
    columns=(
        Column("age", "number"),
        Column("plan", "string", categories=("a", "b", "c")),
        Column("y", "string", role="target", categories=("no", "yes")),
    ),
)


def document(description: MojoDescription) -> bytes:
    """Content of ``mojo.json``."""
    return json.dumps(description.as_json()).encode()


def test_a_mojo_with_its_description_and_contract_passes() -> None:
    """It gives the description."""
    assert check_mojo(mojo(), document(DESCRIPTION), CONTRACT) == DESCRIPTION


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        (b"{", r"must have its mojo\.json"),
        (b"[]", r"must have its mojo\.json"),
        (document(replace(DESCRIPTION, algorithm="glm")), "must be of one model"),
        (document(replace(DESCRIPTION, inputs=DESCRIPTION.inputs[::-1])), "must be of one model"),
        (document(replace(DESCRIPTION, classes=(0, None))), "must be of one model"),
        (document(replace(DESCRIPTION, inputs=DESCRIPTION.inputs[:1])), "must be of one model"),
        (document(replace(DESCRIPTION, classes=(0, 1, None))), "describe the model of its contract"),
    ],
)
def test_a_description_of_another_model_is_refused(description: bytes, sentence: str) -> None:
    """Each in a sentence, before Java starts."""
    with pytest.raises(BundleError, match=sentence):
        check_mojo(mojo(), description, CONTRACT)


def test_a_model_without_a_target_is_of_an_anomaly_task_only() -> None:
    """Neither does an isolation forest answer for a regression, nor a regression for an anomaly task."""
    forest = replace(DESCRIPTION, algorithm="isolationforest", category="AnomalyDetection", classes=())
    target = Column("y", "number", role="target")
    numbers = replace(CONTRACT, task="regression", columns=(*CONTRACT.columns[:2], target))
    with pytest.raises(BundleError, match="of a model for AnomalyDetection, the task is regression"):
        check_mojo(mojo(), document(forest), numbers)
    anomalies = replace(CONTRACT, task="anomaly", columns=CONTRACT.columns[:2])
    with pytest.raises(BundleError, match="of a model for Regression, the task is anomaly"):
        check_mojo(mojo(), document(replace(forest, category="Regression")), anomalies)
