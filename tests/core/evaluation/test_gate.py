"""The gate."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Task
from headrace.core.evaluation import evaluate, gate
from headrace.core.evaluation.evaluate import EvaluationTables
from headrace.core.evaluation.evaluation_document import SamplingUnit
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.evaluation.gate import GateInputs, MetricBounds
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.features import model_matrix
from headrace.core.models import fitted_model
from headrace.core.validation.data_checks import DataChecks
from tests.core import made
from tests.core.evaluation.test_evaluate import fitted
from tests.made_documents import make_checks, make_leak


def judged(
    folder: Path,
    *,
    task: Task = "binary",
    test: pl.DataFrame | None = None,
    noise: float = 0.5,
    champion: Any = None,
    metric_bounds: dict[str, float] | None = None,
    checks: DataChecks | None = None,
) -> GateVerdict:
    """The verdict on a simple model; ``champion`` is a model or None."""
    train = made.table(300, task=task, noise=noise)
    test = made.table(200, task=task, seed=1, noise=noise) if test is None else test
    fitted_model.save(fitted(task, train), folder / "model")
    if champion is not None:
        fitted_model.save(champion, folder / "champion")
    split = EvaluationTables(
        made.write(train, folder / "train"),
        made.write(test.drop("target"), folder / "test"),
        made.write(test.select("target"), folder / "actuals"),
    )
    evaluate.evaluate_model(folder / "model", split=split, evaluation=folder / "evaluation.json", plan=EvaluationPlan())
    known = None if checks is None else folder / "checks.json"
    if known and checks:
        known.write_text(json.dumps(checks.as_json()))
    before = folder / "champion" if champion else None
    found = gate.write_verdict(
        folder / "evaluation.json",
        inputs=GateInputs(folder / "model", split.test_table, split.test_actuals, before, known),
        metric_bounds=MetricBounds(metric_bounds or {}),
        verdict=folder / "verdict.json",
    )
    assert json.loads((folder / "verdict.json").read_text()) == found.as_json()
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_better_than_the_baseline_is_promoted(tmp_path: Path, task: Task) -> None:
    """Without a champion the baseline is what must be beaten."""
    found = judged(tmp_path, task=task)
    assert found.verdict == "promote"
    assert found.comparison.against == "baseline"
    assert all(sentence.endswith(".") for sentence in found.reasons)


def test_a_missed_threshold_rejects(tmp_path: Path) -> None:
    """However much better than the baseline; the reason names value and threshold."""
    found = judged(tmp_path, metric_bounds={"roc_auc": 0.999, "log_loss": 0.01, "accuracy": 0.1})
    assert found.verdict == "reject"
    assert any("roc_auc" in reason and "at least 0.999" in reason for reason in found.reasons)
    assert any("log_loss" in reason and "at most 0.01" in reason for reason in found.reasons)
    assert not any("accuracy" in reason for reason in found.reasons)


def test_a_perfect_leak_holds(tmp_path: Path) -> None:
    """A model that would be promoted is held, with the column and the remedy; what only warns holds nothing."""
    warned = make_leak("column 'a' alone tells 98.5 %; look at it.", holds=False)
    told = make_leak("column 'b' alone tells 100.0 %; look at it.", holds=True)
    found = judged(tmp_path / "both", checks=make_checks(warned, told))
    assert found.verdict == "hold"
    assert found.reasons[-1] == "Column 'b' alone tells 100.0 %; look at it."
    assert judged(tmp_path / "warned", checks=make_checks(warned)).verdict == "promote"


def test_a_perfect_leak_does_not_save_from_a_threshold(tmp_path: Path) -> None:
    """What would be rejected is rejected, and the leak is told."""
    leak = make_leak("column 'b' alone tells 100.0 %; look at it.", holds=True)
    found = judged(tmp_path, checks=make_checks(leak), metric_bounds={"roc_auc": 0.9999})
    assert found.verdict == "reject"
    assert any("'b'" in reason for reason in found.reasons)


def test_met_thresholds_are_told(tmp_path: Path) -> None:
    """The reasons say what was checked."""
    found = judged(tmp_path, metric_bounds={"roc_auc": 0.6, "log_loss": 5})
    assert found.verdict == "promote"
    assert found.reasons[0] == "All 2 bounds of metrics are met."


def test_a_threshold_on_what_is_not_defined_rejects(tmp_path: Path) -> None:
    """Rows of one class cannot show that the area is large enough."""
    one = made.table(400, seed=1).filter(pl.col("target") == "no").head(60)
    found = judged(tmp_path, test=one, metric_bounds={"roc_auc": 0.5})
    assert found.verdict == "reject"
    assert "do not define it" in found.reasons[0]


def test_the_same_model_as_the_champion_is_held(tmp_path: Path) -> None:
    """No difference is no reason to change."""
    found = judged(tmp_path, champion=fitted("binary", made.table(300)))
    assert found.verdict == "hold"
    assert found.comparison.against == "champion"
    assert found.comparison.difference == 0


def blind(task: Task = "binary") -> fitted_model.Model:
    """A model of rows whose target was shuffled."""
    frame = made.table(300, task=task)
    return fitted(task, frame.with_columns(target=frame["target"].shuffle(seed=1)))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_better_than_the_champion_is_promoted(tmp_path: Path, task: Task) -> None:
    """On the same rows, beyond chance."""
    found = judged(tmp_path, task=task, champion=blind(task))
    assert (found.verdict, found.comparison.against) == ("promote", "champion")


def test_better_than_the_champion_and_worse_than_the_baseline_is_held(tmp_path: Path) -> None:
    """In a world that has turned both are wrong, the champion more so: a coin would be better than either."""
    turned = made.table(1000, seed=1).with_columns(
        target=pl.col("target").replace_strict({"no": "yes", "yes": "no"}, return_dtype=pl.String)
    )
    found = judged(tmp_path, test=turned, noise=6.0, champion=fitted("binary", made.table(300, noise=0.1)))
    assert (found.verdict, found.comparison.against) == ("hold", "champion")
    assert "is better than the champion's" in found.reasons[0]
    assert "is worse than the baseline's" in found.reasons[1]


def test_worse_than_the_champion_is_rejected(tmp_path: Path) -> None:
    """A model of noise does not replace one that works."""
    train = made.table(300)
    noise = train.with_columns(target=train["target"].shuffle(seed=1))
    test = made.table(200, seed=1)
    fitted_model.save(fitted("binary", noise), tmp_path / "model")
    fitted_model.save(fitted("binary", train), tmp_path / "champion")
    split = EvaluationTables(
        made.write(noise, tmp_path / "train"),
        made.write(test.drop("target"), tmp_path / "test"),
        made.write(test.select("target"), tmp_path / "actuals"),
    )
    evaluate.evaluate_model(tmp_path / "model", split=split, evaluation=tmp_path / "e.json", plan=EvaluationPlan())
    inputs = GateInputs(tmp_path / "model", split.test_table, split.test_actuals, tmp_path / "champion")
    found = gate.write_verdict(
        tmp_path / "e.json", inputs=inputs, metric_bounds=MetricBounds({}), verdict=tmp_path / "v.json"
    )
    assert found.verdict == "reject"
    assert "worse than the champion's" in found.reasons[0]


def test_the_champions_classes_may_stand_in_another_order(tmp_path: Path) -> None:
    """They are matched by name, not by place."""
    agreed, frame = made.contract(), made.table(300)
    target = replace(agreed.target, categories=("yes", "no"))
    turned = replace(agreed, columns=(*agreed.columns[:-1], target))
    champion = fitted("binary", frame)
    indices = model_matrix.encode_target(frame, turned)
    champion.pipeline.fit(model_matrix.encode(frame, turned), indices)
    found = judged(tmp_path, champion=replace(champion, contract=turned))
    assert abs(found.comparison.difference) < 1e-6
    assert found.verdict == "hold"


def test_a_champion_of_another_task_is_refused(tmp_path: Path) -> None:
    """There is nothing to compare."""
    with pytest.raises(InputError, match="name another champion"):
        judged(tmp_path, champion=fitted("multiclass", made.table(300, task="multiclass")))


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_a_champion_of_the_mean_is_no_match_for_a_quantile(tmp_path: Path, quantile: float) -> None:
    """Whichever metric decided, it would prefer the model that was fitted to it."""
    champion = fitted("regression", made.table(300, task="regression"))
    asked = replace(champion.contract, objective="quantile", quantile=quantile)
    with pytest.raises(InputError, match=f"must predict .* the mean; it predicts the {quantile} quantile"):
        judged(tmp_path, task="regression", champion=replace(champion, contract=asked))


def test_a_champion_that_needs_other_columns_is_refused(tmp_path: Path) -> None:
    """The message names them."""
    champion = fitted("binary", made.table(300))
    columns = tuple(
        replace(column, name="elsewhere") if column.name == "age" else column for column in champion.contract.columns
    )
    with pytest.raises(InputError, match="elsewhere"):
        judged(tmp_path, champion=replace(champion, contract=replace(champion.contract, columns=columns)))


def test_few_rows_are_never_promoted(tmp_path: Path) -> None:
    """A perfect score on ten rows may be luck."""
    found = judged(tmp_path, test=made.table(10, seed=1, noise=0.0), noise=0.0)
    assert found.verdict != "promote"


def test_random_labels_are_hardly_ever_promoted(tmp_path: Path) -> None:
    """Among 40 models of noise chance may lift one or two, not more."""
    promoted = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        train, test = (
            made.table(120, seed=100 * seed + part).with_columns(target=pl.Series(draw.choice(["no", "yes"], 120)))
            for part in (0, 1)
        )
        known = model_matrix.encode_target(train, made.contract())
        found = evaluate.evaluate(fitted("binary", train), test, train_target=known, parts=[], plan=EvaluationPlan())
        comparison = found.baseline.comparison
        verdict = gate.decide(found, comparison, against="baseline", metric_bounds=MetricBounds({}))
        promoted += verdict.verdict == "promote"
    assert promoted <= 3


@pytest.mark.parametrize("values", [{"luck": 0.5}, {"roc_auc": "high"}, {"roc_auc": float("nan")}, {"roc_auc": True}])
def test_thresholds_must_be_numbers_of_metrics(values: dict[str, Any]) -> None:
    """A slip of the pen does not let a model through."""
    with pytest.raises(InputError, match="bound"):
        MetricBounds(values)


def test_judging_against_the_baseline_loads_no_scikit_learn() -> None:
    """Each step is a process of its own, and scikit-learn takes a second to import."""
    code = "import sys, headrace.core.evaluation.gate; sys.exit(bool({'sklearn', 'polars'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("groups", "verdict"), [(9, "hold"), (12, "promote")])
def test_few_groups_are_held(tmp_path: Path, groups: int, verdict: str) -> None:
    """However many rows they have; the reason counts them."""
    whole = made.contract()
    agreed = replace(whole, columns=(Column("site", "integer", role="group"), *whole.columns))
    train, test = (made.table(300, seed=seed, noise=0.1) for seed in (0, 1))
    test = test.with_columns(site=pl.int_range(300) % groups)
    known = model_matrix.encode_target(train, whole)
    of_sites = replace(fitted("binary", train), contract=agreed)
    found = evaluate.evaluate(of_sites, test, train_target=known, parts=[], plan=EvaluationPlan())
    assert found.resampled_by == SamplingUnit("group", groups, f"95 % intervals by group: {groups} groups")
    assert bool(found.cautions) == (verdict == "hold")
    told = gate.decide(found, found.baseline.comparison, against="baseline", metric_bounds=MetricBounds({}))
    assert told.verdict == verdict
    assert any(f"lie in {groups} groups; fewer than 10" in reason for reason in told.reasons) == (verdict == "hold")
