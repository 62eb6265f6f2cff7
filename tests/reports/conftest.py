"""A run that was made up: every part of it, with names that would harm a careless page."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.notes import Note
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Column, Contract, Task
from headrace.core.evaluation.evaluation_document import (
    BaselineMeasures,
    ConfusionMatrix,
    EqualInputs,
    Evaluation,
    NearInputs,
    SliceMeasures,
)
from headrace.core.evaluation.search_trials import NestedEstimate, OuterFold, Trial
from headrace.core.packaging.provenance_document import RecordedTable
from headrace.core.statistics import curves, residuals
from headrace.core.statistics.measures import Interval
from headrace.core.tables import parquet_table
from headrace.core.validation.data_checks import BrokenRule, CheckedColumn, CheckedCounts, DataChecks
from headrace.experiments.search.result import SearchDocument, best_of
from headrace.experiments.space.experiment import Objective
from headrace.reports.run.document import RunPaths
from tests.made_documents import THRESHOLD, make_evaluation, make_provenance

EVIL = "<script>alert('x')</script> \U0001f600 \"quoted\"\nline {{ 7 * 7 }} & <b>"


NOTES = (
    *(
        Note("warning", "kind", f"rule_{place}", 1, f"Column 'kind', warning {place} {EVIL}.", "Look at it.")
        for place in range(10)
    ),
    Note("info", "note", "ignored", 1, "Column 'note' is left out: it has about 900 different texts."),
    Note("info", "ill", "positive_class", 180, f"The positive class is {EVIL}.", "Give --positive '0'."),
)


@dataclass(frozen=True)
class Made:
    """Where the parts of a made-up run lie."""

    paths: RunPaths
    source: dict[str, Any]


def frame(rows: int = 400) -> pl.DataFrame:
    """A table with every kind of column."""
    rng = np.random.default_rng(7)
    age = rng.integers(18, 90, rows)
    income = np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(10, 0.6, rows))
    kind = rng.choice(["plain", "<i>odd</i>", "third"], rows, p=[0.6, 0.3, 0.1])
    ill = (rng.random(rows) < 1 / (1 + np.exp(-(age - 55) / 10))).astype(int)
    return pl.DataFrame(
        {
            "customer": [f"id-{i:05d}" for i in range(rows)],
            "e-mail": [f"person{i}@example.org" for i in range(rows)],
            "age": age,
            EVIL: pl.Series(income).fill_nan(None),
            "kind": kind,
            "seen": pl.datetime_range(pl.datetime(2025, 1, 1), pl.datetime(2026, 1, 1), eager=True, interval="1h")[
                :rows
            ],
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "ill": ill,
        }
    )


def contract() -> Contract:
    """Its contract."""
    return Contract(
        name="made-up",
        task="binary",
        positive="1",
        columns=(
            Column("customer", "string", role="id"),
            Column("e-mail", "string", role="ignore", personal="keep"),
            Column("age", "integer", unit="years"),
            Column(EVIL, "number", unit="<u>"),
            Column("kind", "string", categories=("plain", "<i>odd</i>", "third")),
            Column("seen", "timestamp", role="timestamp"),
            Column("empty", "number"),
            Column("ill", "integer", role="target", categories=("0", "1")),
        ),
    )


def evaluation(task: Task = "binary") -> Evaluation:
    """What evaluate would have measured."""
    rng = np.random.default_rng(3)
    if task == "regression":
        actual = rng.normal(20, 5, 300)
        return make_evaluation(
            task,
            metrics={
                "mae": Interval(1.61234, 1.4, 1.83),
                "rmse": Interval(2.05, 1.8, 2.3),
                "r2": Interval(0.83, 0.79, 0.87),
            },
            baseline=BaselineMeasures("mean of the training rows", {"mae": 4.0, "rmse": 5.0, "r2": -0.01}, None),
            residuals=residuals.describe(actual, actual + rng.normal(0, 2, 300)),
        )
    scores = rng.random(80)
    positive = rng.random(80) < scores
    values = {"accuracy": 0.55, "f1": 0.0, "roc_auc": 0.5, "pr_auc": 0.45, "log_loss": 0.69}
    return make_evaluation(
        metrics={
            "accuracy": Interval(0.8125, 0.71, 0.89),
            "f1": Interval(0.79, 0.66, 0.88),
            "roc_auc": Interval(0.9012, 0.83, 0.96),
            "pr_auc": Interval(0.88, 0.8, 0.95),
            "log_loss": Interval(0.41, 0.3, 0.55),
        },
        baseline=BaselineMeasures("most frequent class", values, None),
        threshold=THRESHOLD,
        confusion=ConfusionMatrix(("0", EVIL), ((37, 7), (8, 28))),
        positive=EVIL,
        equal_inputs=EqualInputs(0.2, 0.01, copies=True, sentence="20.0% of the test rows: copies."),
        near_inputs=NearInputs(0.9, 80, True, f"90% of 80 test rows nearly repeat {EVIL}.", "Name a group."),
        roc=curves.roc(positive, scores),
        pr=curves.precision_recall(positive, scores),
        calibration=curves.calibration(positive, scores),
        slices=tuple(
            SliceMeasures(column, value, 40, 40, {"roc_auc": Interval(0.9, 0.8, 1.0)})
            for column, value in (("kind", "plain"), ("kind", EVIL), ("e-mail", "a@example.org"), ("e-mail", "b"))
        ),
    )


def searched() -> SearchDocument:
    """A search over three families, with a trial that failed and one that was ended early; then nested."""
    rng = np.random.default_rng(5)
    families = ("logistic", "random_forest", "hist_gradient_boosting")
    trials = []
    for number in range(15):
        scores = tuple(float(score) for score in 0.8 + 0.1 * rng.random(5) + 0.002 * number)
        trial = Trial(
            number=number,
            name=f"made-{number:03d}",
            experiment="made",
            family=families[number % 3],
            parameters={"alpha": 10.0 ** -(number % 4), "kind": EVIL if number % 2 else "plain"},
            status="succeeded",
            score=float(np.mean(scores)),
            scores=scores,
            seconds=0.31,
            warnings=("it may not have converged",) if number == 3 else (),
        )
        trials.append(trial)
    trials[4] = replace(trials[4], status="failed", score=None, scores=(), error=f"it did not converge {EVIL}")
    flattering = {"score": 0.999, "scores": (0.999,), "error": "at step 1 it was behind"}
    trials[6] = replace(trials[6], status="early_stopped", **flattering)
    objective = Objective("roc_auc", "maximize", strategies={"roc_auc": "latest"})
    best = best_of(tuple(trials), objective)
    folds = (OuterFold("logistic", {"alpha": 0.1}, 0.91, 0.88), OuterFold("random_forest", {}, 0.9, 0.87))
    return SearchDocument(
        tuner="local",
        experiments=("made",),
        algorithm="tpe",
        objective=objective,
        rows=320,
        folds=5,
        reason="MaxTrialsReached",
        seconds=4.2,
        trials=tuple(trials),
        best=best.number if best else None,
        nested=NestedEstimate(folds, score=0.875, inner_score=0.905, optimism=0.03),
    )


def documents() -> dict[str, Any]:
    """The JSON artifacts of the run, by name."""
    message = f"column {EVIL} must be at least 0; 3 of 403 rows break this rule."
    checks = DataChecks(
        rows=CheckedCounts(403, 400, 3),
        rules=(BrokenRule("range", EVIL, "quarantine", 3, ("-1 (row 4)",), message, holds=False),),
        class_balance={"0": 220, "1": 180},
        columns={"age": CheckedColumn("integer", "feature", 0, 0.0)},
        notes=NOTES,
    )
    return {
        "checks": checks.as_json(),
        "trials": json.loads(json.dumps(searched().as_json())),
        "evaluation": evaluation().as_json(),
        "verdict": {
            "verdict": "promote",
            "reasons": ["roc_auc is better than the baseline's.", EVIL],
            "comparison": {"against": "baseline", "metric": "roc_auc", "difference": 0.4},
        },
        "verification": {
            "verified": True,
            "cases": 20,
            "failures": [],
            "url": "http://127.0.0.1:8080/v1/models/made-up:predict",
            "request": {"instances": [{"age": 61, EVIL: 23000.5, "note": "it's", "e-mail": "p@example.org"}]},
            "answer": {"predictions": [{"label": "1", "probabilities": {"0": 0.2, "1": 0.8}}]},
            "expected": {"label": "1"},
            "actual": "1",
            "latency_ms": {"p50": 4.2, "p99": 9.8},
        },
    }


def write_bundle(folder: Path) -> None:
    """The files of a bundle that a report reads."""
    folder.mkdir()
    files = [{"path": "model.skops", "sha256": "ab" * 32, "size": 12345, "media_type": "application/zip"}]
    parts = {
        "manifest": {"format": 2, "name": "made-up", "digest": "cd" * 32, "files": files},
        "model": {"format": 1, "family": "logistic", "parameters": {"alpha": 0.1}, "seed": 0, "threshold": 0.41},
        "provenance": make_provenance(table=RecordedTable(EVIL, "ef" * 32, 403, 8, "", "")).as_json(),
        "environment": {"python": "3.11.7", "packages": {"scikit-learn": "1.9.1"}},
    }
    for name, value in parts.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    (folder / "risk.md").write_text("# Risk sheet\n\nWho is **harmed**.\n")
    (folder / "card.md").write_text(
        f"# made-up\n\nPredicts **ill**.\n\n| a | b |\n|---|---|\n| 1 | {EVIL[:20]} |\n\n- one\n"
    )


def write_events(path: Path) -> None:
    """Events of a run that ended well but for its last step."""
    time, lines = 1000.0, []
    for place, name in enumerate(("ingest", "validate", "tune", "evaluate")):
        lines.append({"event": "start", "time": time + 0.4, "step": name})
        if name == "tune":
            lines.append({"event": "progress", "time": time + 0.5, "step": name, "text": "15 trials"})
        time += 0.8 + place
        lines.append({"event": "end", "time": time, "step": name, "seconds": 0.4 + place})
    lines.append({"event": "start", "time": time + 0.3, "step": "report"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "sta')


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The run, written as its steps would have."""
    folder = tmp_path_factory.mktemp("made")
    paths = {name: folder / f"{name}.json" for name in documents()}
    for name, value in documents().items():
        paths[name].write_text(json.dumps(value))
    with parquet_table.TableWriter(folder / "table") as writer:
        writer.write(frame())
    (folder / "contract.yaml").write_text(contract_yaml.dump(contract()))
    write_bundle(folder / "bundle")
    write_events(folder / "events.jsonl")
    paths |= {"table": folder / "table", "contract": folder / "contract.yaml", "bundle": folder / "bundle"}
    source = {
        "source": f"{EVIL}.csv",
        "rows": 403,
        "columns": 8,
        "digest": "12" * 32,
        "bytes": 34567,
        "time": "2026-11-23",
    }
    return Made(paths=RunPaths(**paths, events=folder / "events.jsonl"), source=source)
