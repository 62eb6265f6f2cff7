"""Bounds of the robustness in the gate, and the champion's robustness beside the candidate's."""

from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.evaluation import evaluate, gate
from headrace.core.evaluation.evaluate import EvaluationPlan, EvaluationTables
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.gate import GateInputs, MetricBounds
from headrace.core.evaluation.robustness_bounds import list_bounded
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.models import fitted_model
from headrace.core.models.fitted_model import Model
from headrace.core.robustness.robustness_document import Extent
from tests.core import made
from tests.core.robustness import made_models


def evaluated(folder: Path, *, robustness: Extent = "quick", champion: Model | None = None) -> GateInputs:
    """A model that depends on one column, evaluated in a folder; the champion is beside it."""
    train, test = made_models.table(300), made_models.table(200, seed=1)
    fitted_model.save(made_models.fit("logistic", made_models.contract(), train), folder / "model")
    if champion:
        fitted_model.save(champion, folder / "champion")
    split = EvaluationTables(
        made.write(train, folder / "train"),
        made.write(test.drop("target"), folder / "test"),
        made.write(test.select("target"), folder / "actuals"),
    )
    evaluate.evaluate_model(
        folder / "model",
        split=split,
        evaluation=folder / "evaluation.json",
        plan=EvaluationPlan(robustness=robustness),
    )
    known = folder / "champion" if champion else None
    return GateInputs(folder / "model", split.test_table, split.test_actuals, known)


def judge(folder: Path, inputs: GateInputs, **bounds: float) -> GateVerdict:
    """The verdict."""
    return gate.write_verdict(
        folder / "evaluation.json", inputs=inputs, metric_bounds=MetricBounds(bounds), verdict=folder / "verdict.json"
    )


def test_a_bound_of_the_robustness_rejects_with_its_reason(tmp_path: Path) -> None:
    """A share of flips above its bound, or a metric under noise below its own, rejects; wide bounds do not."""
    inputs = evaluated(tmp_path)
    values = list_bounded(Evaluation.read(tmp_path / "evaluation.json"))
    share, area = values["flip_share"].value, values["roc_auc_under_noise"].value
    assert 0 < share < 1
    met = judge(tmp_path, inputs, flip_share=share, roc_auc_under_noise=area)
    assert met.verdict == "promote"
    assert "All 2 bounds of metrics are met." in met.reasons
    strict = judge(tmp_path, inputs, flip_share=share / 2, roc_auc_under_noise=1.0)
    assert strict.verdict == "reject"
    assert f"flip_share is {share:.4g}, but must be at most {share / 2:g}." in strict.reasons
    assert f"roc_auc_under_noise is {area:.4g}, but must be at least 1." in strict.reasons


def test_a_bound_of_what_was_not_measured_rejects(tmp_path: Path) -> None:
    """Without a measurement a bound cannot be met, and the reason says what is missing."""
    inputs = evaluated(tmp_path, robustness="off")
    document = Evaluation.read(tmp_path / "evaluation.json")
    assert document.robustness is None
    assert document.plan.robustness == "off"
    verdict = judge(tmp_path, inputs, flip_share=0.5)
    assert verdict.verdict == "reject"
    assert verdict.reasons[0].startswith("flip_share must be at most 0.5, but it was not measured")


def test_a_bound_under_noise_of_a_metric_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    """The robustness was measured, so that its absence is not the reason."""
    reason = judge(tmp_path, evaluated(tmp_path), pinball_loss_under_noise=3).reasons[0]
    assert reason.startswith(
        "pinball_loss_under_noise must be at most 3, but it was not measured: under noise there are"
    )
    assert "log_loss" in reason


def test_the_champions_robustness_is_told_beside_the_candidates(tmp_path: Path) -> None:
    """On the same rows, by the same ranges, with an interval; a model that no change moves flips nothing."""
    held = made_models.contract(heat={"role": "ignore"}, load={"role": "ignore"}, kind={"role": "ignore"})
    steady = made_models.fit("logistic", held, made_models.table(300))
    same = made_models.fit("logistic", made_models.contract(), made_models.table(300))
    first = judge(tmp_path / "same", evaluated(tmp_path / "same", champion=same)).robustness
    assert first is not None
    assert (first.candidate, first.difference.value) == (first.champion, 0.0)
    assert first.difference.low < 0 < first.difference.high
    found = judge(tmp_path / "steady", evaluated(tmp_path / "steady", champion=steady))
    assert found.robustness is not None
    assert found.reasons[-1].startswith("Changes of at most 5% of each column's range flip the decision of ")
    assert GateVerdict.from_json(found.as_json()) == found


def test_an_unknown_extent_is_refused() -> None:
    """One sentence says what was expected."""
    with pytest.raises(InputError, match="robustness must be off, quick or full; got 'much' instead"):
        replace(EvaluationPlan(), robustness="much")  # type: ignore[arg-type]


def test_a_bound_of_another_name_is_refused() -> None:
    """The message names what a bound may be of."""
    with pytest.raises(InputError, match="of flip_share, or of a metric under noise, such as roc_auc_under_noise"):
        MetricBounds({"flips": 0.1})
