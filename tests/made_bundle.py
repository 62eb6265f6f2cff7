"""A small bundle, made by the real steps in this process."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from headrace.core.base.files import write_json
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.contracts.contract_yaml import dump
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.core.evaluation.evaluate import EvaluationTables as Split
from headrace.core.evaluation.evaluate import evaluate_model
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.evaluation.gate import GateInputs, MetricBounds, write_verdict
from headrace.core.features.add_features import engineer_table
from headrace.core.models.train import train_model
from headrace.core.packaging.package import BundleInputs, pack
from headrace.core.readers.ingest import ingest_table
from headrace.core.splits.split_table import split_table
from headrace.core.validation.table import validate_table
from headrace.stores.sources.open_source import open_source
from tests.conftest import write_table


def make_parts(
    folder: Path,
    *,
    target: str = "churn",
    task: str = "",
    family: str = "logistic",
    parameters: dict[str, Any] | None = None,
    table: Path | None = None,
    slices: tuple[str, ...] = (),
    given: Path | None = None,
    **aims: Any,
) -> tuple[BundleInputs, dict[str, Any]]:
    """Everything that goes into a bundle of a small table, and the metadata of its source.

    ``aims`` are what the contract asks of the model beyond its task, such as ``intervals=0.8``.
    """
    source = table or write_table(folder / "customers.csv")
    facts = ingest_table(open_source(str(source)), folder=folder / "table")
    contract = folder / "contract.yaml"
    hints = ContractHints(task=task, **aims)
    made = infer_with_notes(folder / "table", name="customers", target=target, hints=hints, given=given or "")
    contract.write_text(dump(made.contract))
    validate_table(
        folder / "table",
        contract=contract,
        valid=folder / "valid",
        quarantine=folder / "quarantine",
        checks=folder / "checks.json",
        page=folder / "checks.html",
        notes=made.notes,
    )
    engineer_table(folder / "valid", contract=contract, feature_table=folder / "features")
    split_table(
        folder / "features",
        contract=contract,
        train_table=folder / "train",
        test_table=folder / "test",
        test_actuals=folder / "actuals",
    )
    best = {"family": family, "parameters": parameters or {}, "metric": "log_loss", "score": -0.4, "folds": 5}
    write_json(folder / "best.json", best)
    train_model(
        folder / "train", contract=contract, best_parameters=folder / "best.json", folder=folder / "model", seed=0
    )
    split = Split(folder / "train", folder / "test", folder / "actuals")
    evaluate_model(
        folder / "model", split=split, evaluation=folder / "evaluation.json", plan=EvaluationPlan(slices=slices)
    )
    write_verdict(
        folder / "evaluation.json",
        inputs=GateInputs(folder / "model", folder / "test", folder / "actuals"),
        metric_bounds=MetricBounds({}),
        verdict=folder / "verdict.json",
    )
    parts = BundleInputs(
        model=folder / "model",
        contract=contract,
        test_table=folder / "test",
        test_actuals=folder / "actuals",
        evaluation=folder / "evaluation.json",
        verdict=folder / "verdict.json",
        best_parameters=folder / "best.json",
        checks=folder / "checks.json",
        train_table=folder / "train",
    )
    return parts, facts


def make_bundle(folder: Path, **choices: Any) -> Bundle:
    """A whole bundle in ``folder / "bundle"``."""
    parts, source = make_parts(folder, **choices)
    return pack(folder / "bundle", parts=parts, source=source)


def copy_bundle(folder: Path) -> Bundle:
    """A copy of the usual bundle, which each process makes once; for tests that do not look at how it is made."""
    shutil.copytree(_make_usual(), folder, dirs_exist_ok=True)
    return open_bundle(folder / "bundle")


@functools.cache
def _make_usual() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_bundle(folder)
    return folder
