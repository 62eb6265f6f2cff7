"""The evaluation of anomaly models, and what the gate makes of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation import champion
from headrace.core.evaluation.evaluate import EvaluationTables, evaluate_model
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.evaluation.gate import GateInputs, MetricBounds, write_verdict
from headrace.core.models import fitted_model
from headrace.core.models.train import train_model
from headrace.core.packaging import run_notes
from headrace.core.statistics.measures import Interval
from tests.core import made


def without_labels() -> Contract:
    """The made contract of anomalies, without its target."""
    agreed = made.contract("anomaly")
    return replace(agreed, columns=tuple(c for c in agreed.columns if c.role != "target"), positive="")


def split(folder: Path, *, labels: bool = True, family: str = "isolation_forest", rows: int = 500) -> EvaluationTables:
    """A fitted model in ``folder / "model"`` and the tables of a split."""
    agreed = made.contract("anomaly") if labels else without_labels()
    train, test = made.table(rows, task="anomaly"), made.table(rows, task="anomaly", seed=1)
    if not labels:
        train = train.drop("target")
    tables = EvaluationTables(
        made.write(train, folder / "train"),
        made.write(test.drop("target"), folder / "test"),
        made.write(
            test.select("target")
            if labels
            else pl.DataFrame({"_no_label": pl.Series([None] * rows, dtype=pl.Boolean)}),
            folder / "actuals",
        ),
    )
    (folder / "best.json").write_text(
        json.dumps({"family": family, "parameters": {"n_estimators": 20} if family == "isolation_forest" else {}})
    )
    train_model(
        tables.train_table,
        contract=made.write_contract(agreed, folder / "contract.yaml"),
        best_parameters=folder / "best.json",
        folder=folder / "model",
    )
    return tables


def evaluated(folder: Path, *, budget: str = "100", **choices: bool) -> Evaluation:
    """The evaluation, as it was written and read back."""
    tables, path = split(folder, **choices), folder / "evaluation.json"
    found = evaluate_model(folder / "model", split=tables, evaluation=path, plan=EvaluationPlan(alert_budget=budget))
    assert Evaluation.read(path) == found
    return found


def judged(folder: Path, bounds: dict[str, float] | None = None) -> tuple[str, str]:
    """The gate's verdict and its reasons."""
    found = write_verdict(
        folder / "evaluation.json",
        inputs=GateInputs(folder / "model", folder / "test", folder / "actuals"),
        metric_bounds=MetricBounds(bounds or {}),
        verdict=folder / "verdict.json",
    )
    return found.verdict, " ".join(found.reasons)


def test_few_labels_are_enough_for_every_metric(tmp_path: Path) -> None:
    """Rows without a label are left out and counted; the alerts are those of all rows."""
    found = evaluated(tmp_path)
    assert found.undefined == ()
    assert list(found.metrics) == [
        *("pr_auc", "roc_auc", "precision", "recall", "precision_at_k", "recall_at_k", "alerts_per_1000"),
    ]
    for interval in found.metrics.values():
        assert interval.low <= interval.value <= interval.high
    assert found.baseline.comparison is not None
    assert found.baseline.comparison.better
    alerts = found.alerts
    assert alerts is not None
    labels = pl.read_parquet(tmp_path / "actuals" / "*.parquet")["target"]
    assert (alerts.labelled, alerts.anomalies) == (500 - labels.null_count(), (labels == "yes").sum())
    assert f"the other {labels.null_count()} are left out" in alerts.labels
    assert alerts.alerts / 500 * 1000 == pytest.approx(found.metrics["alerts_per_1000"].value)
    assert alerts.threshold.low <= alerts.threshold.value <= alerts.threshold.high
    assert sum(map(sum, found.confusion.rows if found.confusion else ())) == alerts.labelled
    verdict, reasons = judged(tmp_path)
    assert verdict == "promote"
    assert "pr_auc is better than the baseline's" in reasons


def test_the_budget_is_about_kept_on_new_rows(tmp_path: Path) -> None:
    """A threshold for a hundred alerts in a thousand rows gives about as many on rows that nothing has seen."""
    assert 60 < evaluated(tmp_path).metrics["alerts_per_1000"].value < 140


def test_labels_never_reach_the_fit(tmp_path: Path) -> None:
    """With all labels turned around, the model is the same to the last byte, and its digest of training rows too."""
    models = []
    for name, change in (("as-they-are", {}), ("turned", {"yes": "no", "no": "yes"})):
        folder = tmp_path / name
        train = made.table(200, task="anomaly").with_columns(pl.col("target").replace(change))
        (folder).mkdir()
        (folder / "best.json").write_text('{"family": "isolation_forest", "parameters": {"n_estimators": 5}}')
        train_model(
            made.write(train, folder / "train"),
            contract=made.write_contract(made.contract("anomaly"), folder / "contract.yaml"),
            best_parameters=folder / "best.json",
            folder=folder / "model",
        )
        models.append((folder / "model" / "model.skops").read_bytes())
        models.append(json.dumps(fitted_model.load(folder / "model").train).encode())
    assert models[:2] == models[2:]


def test_without_labels_alerts_are_all_that_is_measured(tmp_path: Path) -> None:
    """The gate says so, and judges by bounds that need no label."""
    found = evaluated(tmp_path, labels=False)
    assert list(found.metrics) == ["alerts_per_1000"]
    assert found.alerts is not None
    assert found.alerts.labels.startswith("None of the 500 measured rows has a label")
    verdict, reasons = judged(tmp_path)
    assert verdict == "promote"
    assert "cannot be compared with the baseline: it is judged by its service alone" in reasons
    assert judged(tmp_path, {"alerts_per_1000": 1})[0] == "reject"
    verdict, reasons = judged(tmp_path, {"pr_auc": 0.5})
    assert verdict == "reject"
    assert "pr_auc must be at least 0.5, but these test rows do not define it." in reasons
    assert (
        "but it was not measured: the robustness of a task anomaly is not." in judged(tmp_path, {"flip_share": 0.1})[1]
    )


def test_scores_in_perfect_order_are_not_told_as_a_model_without_errors(tmp_path: Path) -> None:
    """No fit saw the labels, and a threshold beyond all anomalies still misses them all."""
    found = evaluated(tmp_path)
    perfect = replace(found, metrics=found.metrics | {"roc_auc": Interval(1.0, 0.5, 1.0)})
    assert "no_errors" not in {note.rule for note in run_notes.gather(None, perfect)}


def test_a_budget_per_day_needs_a_time_column(tmp_path: Path) -> None:
    """The made table has none."""
    with pytest.raises(InputError, match="time_column"):
        evaluated(tmp_path, budget="5/day")


def test_a_champion_is_compared_by_the_labels(tmp_path: Path) -> None:
    """Average precision on the same rows; scores on another scale do not matter."""
    for name in ("isolation_forest", "robust_covariance"):
        (tmp_path / name).mkdir()
    tables = split(tmp_path / "isolation_forest")
    split(tmp_path / "robust_covariance", family="robust_covariance")
    models = (tmp_path / "isolation_forest" / "model", tmp_path / "robust_covariance" / "model")
    where = {"test_table": tables.test_table, "test_actuals": tables.test_actuals, "threshold": None, "seed": 0}
    found, _ = champion.compare(*models, **where)  # type: ignore[arg-type]
    assert found is not None
    assert found.metric == "pr_auc"
    back, _ = champion.compare(*reversed(models), **where)  # type: ignore[arg-type]
    assert back is not None
    assert back.difference == pytest.approx(-found.difference)
    same, _ = champion.compare(models[0], models[0], **where)  # type: ignore[arg-type]
    assert same is not None
    assert (same.difference, same.p_value) == (0, 1)


def test_random_labels_are_worth_their_share(tmp_path: Path) -> None:
    """Labels that have nothing to do with the rows: an area of a half, and the model is not promoted."""
    split(tmp_path, rows=1500)
    draw = np.random.default_rng(0)
    labels = pl.DataFrame({"target": np.where(draw.random(1500) < 0.2, "yes", "no")})
    made.write(labels, tmp_path / "random")
    tables = EvaluationTables(tmp_path / "train", tmp_path / "test", tmp_path / "random")
    found = evaluate_model(
        tmp_path / "model", split=tables, evaluation=tmp_path / "evaluation.json", plan=EvaluationPlan()
    )
    assert found.metrics["roc_auc"].low < 0.5 < found.metrics["roc_auc"].high
    assert judged(tmp_path)[0] != "promote"
