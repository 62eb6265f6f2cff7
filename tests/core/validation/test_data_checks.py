"""The document of the data checks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.base.files import dumps
from headrace.core.validation.data_checks import DataChecks
from tests.core.validation.test_table import check, contract, rows
from tests.golden.test_document_schemas import valid
from tests.made_documents import make_checks, make_leak


def test_checks_keep_their_schema_and_are_read_back(tmp_path: Path) -> None:
    """Of a table with broken rules: every field that is documented and no other, and the same bytes again."""
    frame = rows()
    facts = check(tmp_path, frame.with_columns(age=frame["age"].replace({frame["age"][0]: 400})), contract())
    assert facts["rules"]
    assert facts["notes"]
    assert valid("data-checks", facts)
    assert not valid("data-checks", {**facts, "more": 1})
    assert not valid("data-checks", {key: value for key, value in facts.items() if key != "notes"})
    assert dumps(DataChecks.from_json(facts).as_json()) == (tmp_path / "checks.json").read_text()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"rules": [{"rule": "leakage", "message": "x"}]}, "'rules.0' lacks the key 'column'"),
        ({"rows": {"read": 1, "valid": 1.5, "quarantined": 0}}, "'rows.valid' must be a whole number; got 1.5"),
        ({"class_balance": {"yes": "many"}}, "'class_balance.yes' must be a whole number; got 'many'"),
        ({"more": 1}, "it has the unknown key 'more'"),
    ],
)
def test_another_document_is_refused(change: dict[str, Any], fault: str) -> None:
    """The sentence says what is expected and what to do."""
    with pytest.raises(InputError) as caught:
        DataChecks.from_json(make_checks().as_json() | change)
    assert str(caught.value) == (
        "the checks must be what the step validate writes, as docs/data-checks.schema.json says; "
        f"{fault}: run the step validate again."
    )


def test_a_rule_of_an_unknown_severity_is_refused() -> None:
    """A document of another version does not pass in silence."""
    leak = replace(make_leak("it leaks.", holds=True), severity="shout")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"'rules\.0\.severity' must be one of off, warn, quarantine, stop"):
        DataChecks.from_json(json.loads(dumps(make_checks(leak).as_json())))
