"""What the Java library is told of a contract."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export.scoring_plan import build_plan

CONTRACT = Contract(
    name="t",
    task="binary",
    columns=(
        Column("note", "string", role="ignore", personal="drop"),
        Column("x", "number", format="1.234,56 €", maximum=9, missing=0),
        Column("c", "string", categories=("a", "b"), personal="keep"),
        Column("start", "timestamp", role="timestamp", format="%d %b %Y"),
        Column("y", "string", role="target", categories=("no", "yes")),
    ),
    features=(RowFeature("holiday", "holiday", ("start",), country="US"),),
    rules={"missing": "stop"},
    positive="yes",
)


def plan_of(contract: Contract) -> dict[str, Any]:
    """The plan of a model without an engine."""
    return build_plan(Scorer(contract, None, 0.3, contract.name, "d", ""), engine="onnx")  # type: ignore[arg-type]


def test_all_that_is_derived_in_python_is_in_the_plan() -> None:
    """Holidays as days, the pattern of a notation, months of other languages, the words of sentences."""
    plan = plan_of(CONTRACT)
    assert (plan["classes"], plan["positive"], plan["threshold"]) == (["no", "yes"], 1, 0.3)
    assert plan["names"] == ["c", "note", "start", "x", "y"]
    assert plan["matrix"] == [0, 1, -1], "two inputs and a row feature"
    assert plan["severities"]["missing"] == "stop"
    x, c, start = plan["inputs"]
    assert (x["notation"]["decimal"], x["maximum"], x["is_required"]) == (",", 9.0, True)
    assert "(?<a>" in x["notation"]["pattern"]
    assert (c["is_personal"], c["expectations"]["category"]) == (True, "one of 'a', 'b'")
    assert start["forms"][:2] == ["%d %b %Y", "%Y-%m-%d %H:%M:%S"]
    assert plan["months"]["janv"[:3]] == "jan"
    days = {date(1970, 1, 1) + timedelta(days=day) for day in plan["features"][0]["holidays"]}
    assert date(2024, 7, 4) in days


def test_a_directive_that_java_does_not_read_is_refused() -> None:
    """At export, not in the job."""
    columns = tuple(replace(one, format="%d %j %Y") if one.name == "start" else one for one in CONTRACT.columns)
    with pytest.raises(InputError, match=r"column 'start' in the contract t must consist of .* got '%d %j %Y' instead"):
        plan_of(replace(CONTRACT, columns=columns))
