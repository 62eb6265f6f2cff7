"""The search for an anomaly model: by the few labels, or none at all."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.contracts.contract import Contract
from headrace.experiments.trials.default_model import lacks_labels
from headrace.experiments.trials.study import Study
from headrace.experiments.tuners import tune
from headrace.experiments.tuners.tune import SearchOptions, TuneOutputs
from tests.core import made


def tuned(
    folder: Path, wish: SearchOptions, *, frame: pl.DataFrame, contract: Contract | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Best parameters and trials of a search."""
    tune.tune_model(
        made.write(frame, folder / "table"),
        contract=made.write_contract(contract or made.contract("anomaly"), folder / "contract.yaml"),
        outputs=TuneOutputs(folder / "best.json", folder / "trials.json", folder / "bundle"),
        options=wish,
    )
    return json.loads((folder / "best.json").read_text()), json.loads((folder / "trials.json").read_text())


def test_labels_choose_by_average_precision(tmp_path: Path) -> None:
    """The best trial's bundle holds its threshold and its cross-validated metrics."""
    wish = SearchOptions(families=("robust_covariance",), budget="3")
    best, trials = tuned(tmp_path, wish, frame=made.table(300, task="anomaly"))
    assert trials["objective"]["metric"] == "pr_auc"
    assert [one["status"] for one in trials["trials"]] == ["succeeded"] * 3
    assert best["score"] == max(one["score"] for one in trials["trials"])
    bundle = open_bundle(tmp_path / "bundle")
    metrics = bundle.json("metrics.json")
    assert metrics["on"] == "cross-validation"
    assert metrics["alerts"]["threshold"]["value"] == bundle.json("model.json")["threshold"]


def without_labels(kind: str) -> tuple[pl.DataFrame, Contract]:
    """A table without any label, with a column that holds none, or with labels of one kind."""
    frame, agreed = made.table(200, task="anomaly"), made.contract("anomaly")
    if kind == "no column":
        columns = tuple(column for column in agreed.columns if column.role != "target")
        return frame.drop("target"), replace(agreed, columns=columns, positive="")
    kept = [] if kind == "no value" else ["no"]
    target = pl.when(pl.col("target").is_in(kept)).then(pl.col("target"))
    return frame.with_columns(target), agreed


@pytest.mark.parametrize("kind", ["no column", "no value", "one kind"])
def test_labels_of_both_kinds_are_needed_to_compare_models(kind: str) -> None:
    """A column may be absent or empty, or hold one kind alone."""
    assert lacks_labels(Study.of(*without_labels(kind)))
    assert not lacks_labels(Study.of(made.table(200, task="anomaly"), made.contract("anomaly")))
    assert not lacks_labels(Study.of(made.table(200), made.contract()))


def test_without_labels_nothing_is_searched(tmp_path: Path) -> None:
    """The defaults of one family are fitted; the document says that there was no trial, and why."""
    frame, contract = without_labels("no column")
    best, trials = tuned(tmp_path, SearchOptions(budget="9"), frame=frame, contract=contract)
    assert (best["family"], best["parameters"], best["score"]) == ("isolation_forest", {}, None)
    assert (trials["trials"], trials["best"], trials["reason"]) == ([], None, "NoLabels")
    assert open_bundle(tmp_path / "bundle").json("engine.json")["engine"] == "onnx"


def test_the_family_may_be_named_without_labels(tmp_path: Path) -> None:
    """One, for nothing compares two."""
    frame, contract = without_labels("no column")
    best, _ = tuned(tmp_path, SearchOptions(families=("robust_covariance",)), frame=frame, contract=contract)
    assert best["family"] == "robust_covariance"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (SearchOptions(families=("isolation_forest", "robust_covariance")), "one family must be named"),
        (SearchOptions(nested=True), "compares trials by labels"),
        (SearchOptions(experiment="isolation_forest"), "compares trials by labels"),
        (SearchOptions(ensemble="greedy"), "or an ensemble compares trials by labels"),
        (SearchOptions(families=("logistic",)), "cannot do a anomaly task"),
    ],
)
def test_what_needs_labels_is_refused_without(tmp_path: Path, wish: SearchOptions, message: str) -> None:
    """Nothing is written."""
    frame, contract = without_labels("no column")
    with pytest.raises(InputError, match=message):
        tuned(tmp_path, wish, frame=frame, contract=contract)
    assert not (tmp_path / "best.json").exists()


def test_an_ensemble_that_may_be_left_out_is_and_the_reason_is_told(tmp_path: Path) -> None:
    """``auto`` ends with the defaults."""
    frame, contract = without_labels("no column")
    best, _ = tuned(tmp_path, SearchOptions(ensemble="auto"), frame=frame, contract=contract)
    assert best["ensemble"].startswith("There is no ensemble: without labels")


def test_a_metric_of_classes_is_refused(tmp_path: Path) -> None:
    """An Experiment for classifiers does not fit."""
    with pytest.raises(InputError, match="cannot do a anomaly task"):
        tuned(tmp_path, SearchOptions(experiment="random_forest"), frame=made.table(100, task="anomaly"))
