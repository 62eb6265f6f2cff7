"""A loan's outcome, written down as a code beside the answer: found, told, and held back."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.contracts import contract_yaml
from headrace.core.evaluation import gate
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.gate import GateInputs, MetricBounds
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.packaging import run_notes
from headrace.core.packaging.package import BundleInputs
from headrace.core.validation import table
from headrace.core.validation.data_checks import DataChecks
from tests.made_bundle import make_parts


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> BundleInputs:
    """What the steps left of a table in which outcome_code alone tells whether a loan was late."""
    folder = tmp_path_factory.mktemp("loans")
    draw = random.Random(4)  # noqa: S311 - test data
    rows = [(draw.lognormvariate(9, 1), draw.uniform(0.02, 0.2), draw.random() < 0.5) for _ in range(200)]
    lines = [f"{amount:.2f},{rate:.4f},{7 if late else 3},{'yes' if late else 'no'}" for amount, rate, late in rows]
    (folder / "loans.csv").write_text("\n".join(["amount,rate,outcome_code,late", *lines]) + "\n")
    return make_parts(folder, target="late", table=folder / "loans.csv")[0]


def judged(loans: BundleInputs, checks: Path, folder: Path) -> GateVerdict:
    """The gate's verdict under some checks."""
    assert loans.test_table
    inputs = GateInputs(loans.model, loans.test_table, loans.test_actuals, checks=checks)
    return gate.write_verdict(
        loans.evaluation, inputs=inputs, metric_bounds=MetricBounds({}), verdict=folder / "verdict.json"
    )


def test_the_model_is_held_and_the_column_named(loans: BundleInputs, tmp_path: Path) -> None:
    """Perfect on all test rows, which is the reason not to promote it."""
    verdict = judged(loans, loans.checks, tmp_path)
    assert verdict.verdict == "hold"
    assert "'outcome_code' alone explains 100.0 %" in verdict.reasons[-1]
    findings = run_notes.gather(DataChecks.read(loans.checks), Evaluation.read(loans.evaluation))
    assert (findings[0].rule, findings[0].severity, findings[0].column) == ("leakage", "warning", "outcome_code")


def test_what_the_contract_says_is_meant_is_promoted(loans: BundleInputs, tmp_path: Path) -> None:
    """A person looked at the column and wrote so; that the model makes no error is still told."""
    contract = contract_yaml.load(loans.contract)
    columns = tuple(replace(column, known_at_prediction=column.name == "outcome_code") for column in contract.columns)
    (tmp_path / "contract.yaml").write_text(contract_yaml.dump(replace(contract, columns=columns)))
    paths = {name: tmp_path / name for name in ("valid", "quarantine", "checks", "page")}
    table.validate_table(loans.contract.parent / "table", contract=tmp_path / "contract.yaml", **paths)
    assert judged(loans, paths["checks"], tmp_path).verdict == "promote"
    findings = run_notes.gather(DataChecks.read(paths["checks"]), Evaluation.read(loans.evaluation))
    assert "no_errors" in {note.rule for note in findings}
