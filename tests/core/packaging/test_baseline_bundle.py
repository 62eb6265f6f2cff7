"""A bundle that answers with another one's baseline: exact constants, the same contract, and measured without a row."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.inference.scorer import Scorer
from headrace.core.packaging.baseline_bundle import make_baseline_bundle
from headrace.core.packaging.package import write
from headrace.core.packaging.provenance_document import Provenance
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from tests.made_bundle import make_bundle


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A learned classifier."""
    return make_bundle(tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A learned regression."""
    folder = tmp_path_factory.mktemp("regression")
    return make_bundle(folder, target="spend", family="linear")


@pytest.fixture(scope="module")
def of_three(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A learned classifier of three classes."""
    folder = tmp_path_factory.mktemp("three")
    return make_bundle(folder, target="plan")


def _train_targets(bundle: Bundle, name: str) -> list[str]:
    return pl.read_parquet(bundle.folder.parent / "train").get_column(name).cast(pl.String).to_list()


def _answers(bundle: Bundle, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    answers: list[dict[str, object]] = Scorer.open(bundle).predict(rows)  # type: ignore[attr-defined]
    return answers


def test_it_answers_with_the_shares_of_the_training_part(original: Bundle, tmp_path: Path) -> None:
    """Each case has the same answer, which is counted here from the training rows themselves."""
    made = make_baseline_bundle(original, tmp_path / "baseline")
    targets = _train_targets(original, "churn")
    shares = {name: targets.count(name) / len(targets) for name in ("no", "yes")}
    cases = made.json("cases.json")["cases"]
    assert len(cases) == len(original.json("cases.json")["cases"]) > 10
    assert [case["request"] for case in cases] == [case["request"] for case in original.json("cases.json")["cases"]]
    for case in cases:
        assert case["expected"]["probabilities"] == pytest.approx(shares, abs=1e-9)
        assert case["expected"]["label"] == max(shares, key=lambda name: shares[name])
    probabilities = made.model().predict(pl.read_parquet(original.folder.parent / "test")).probabilities
    assert probabilities is not None
    assert np.unique(probabilities, axis=0).tolist() == [[shares["no"], shares["yes"]]]
    assert (made.name, made.json("model.json")["family"]) == (original.name, "baseline")
    assert (made.folder / "contract.yaml").read_bytes() == (original.folder / "contract.yaml").read_bytes()


def test_a_regression_answers_with_the_mean(regression: Bundle, tmp_path: Path) -> None:
    """The mean of the training rows, to the last digit; its RMSE is what the evaluation of the model found."""
    made = make_baseline_bundle(regression, tmp_path / "baseline")
    mean = pl.read_parquet(regression.folder.parent / "train").get_column("spend").to_numpy().astype(float).mean()
    assert {case["expected"]["value"] for case in made.json("cases.json")["cases"]} == {float(f"{mean:.10g}")}
    found, known = (BundleMetrics.from_json(one.json("metrics.json")) for one in (made, regression))
    for name in ("rmse", "r2"):
        assert found.metrics[name].value == pytest.approx(known.baseline.metrics[name], rel=1e-6, abs=1e-6)
    assert found.metrics["mae"].value == pytest.approx(known.baseline.metrics["mae"], rel=0.02)


@pytest.mark.parametrize("kind", ["original", "of_three"])
def test_it_is_measured_as_the_evaluation_measured_the_baseline(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Classes that were true are known exactly, so that the metrics are those that rows give; with intervals."""
    bundle: Bundle = request.getfixturevalue(kind)
    made = make_baseline_bundle(bundle, tmp_path / "baseline")
    found, known = (BundleMetrics.from_json(one.json("metrics.json")) for one in (made, bundle))
    compared = set(known.baseline.metrics) & set(found.metrics)
    assert {"log_loss", "accuracy"} <= compared
    for name in compared:
        metric = found.metrics[name]
        assert metric.value == pytest.approx(known.baseline.metrics[name], abs=1e-9), name
        assert metric.low <= metric.value <= metric.high
    assert sum(map(sum, found.confusion.rows if found.confusion else ())) == found.rows.measured


def test_it_says_what_it_is(original: Bundle, tmp_path: Path) -> None:
    """Provenance, card and profile: no learned model, of which version and part, and no verdict of a gate."""
    made = make_baseline_bundle(original, tmp_path / "baseline")
    origin = Provenance.from_json(made.json("provenance.json"))
    assert origin.parameters["baseline"]["of"] == original.digest
    assert (origin.parameters["baseline"]["part"], origin.verdict, origin.data.copied) == ("training", None, ())
    assert "This is no learned model" in (made.folder / "card.md").read_text()
    profile = MonitoredModel.of(made).profile
    assert profile.inputs == ReferenceProfile.from_json(original.json("profile.json")).inputs
    assert [count for count in profile.outputs.prediction.counts if count] == [profile.outputs.rows]


def test_equal_bundles_give_equal_bytes(original: Bundle, tmp_path: Path) -> None:
    """Whoever makes it again, after a kill, gets the same version."""
    first, second = (make_baseline_bundle(original, tmp_path / name) for name in ("a", "b"))
    assert first.digest == second.digest


def _of_before(bundle: Bundle, folder: Path) -> Bundle:
    """The same bundle without the baseline's answer in its metrics."""
    metrics = json.loads((bundle.folder / "metrics.json").read_text())
    metrics["baseline"].pop("shares", None)
    metrics["baseline"].pop("value", None)
    files: dict[str, bytes | Path] = {entry.path: bundle.folder / entry.path for entry in bundle.manifest.files}
    files["metrics.json"] = json.dumps(metrics).encode()
    return write(folder, files, name=bundle.name)


def test_a_bundle_of_before_knows_the_test_part(original: Bundle, tmp_path: Path) -> None:
    """Its documents do not hold the baseline's answer: that of the test part is taken, and said so."""
    made = make_baseline_bundle(_of_before(original, tmp_path / "old"), tmp_path / "baseline")
    actuals = pl.read_parquet(original.folder.parent / "actuals").get_column("churn").cast(pl.String)
    answer = made.json("cases.json")["cases"][0]["expected"]
    assert answer["probabilities"]["yes"] == pytest.approx((actuals == "yes").mean(), abs=1e-9)
    assert "in the test part" in (made.folder / "card.md").read_text()


def test_a_regression_of_before_is_refused(regression: Bundle, tmp_path: Path) -> None:
    """Nothing in it says what the mean was."""
    with pytest.raises(InputError, match="must hold the mean of the training part"):
        make_baseline_bundle(_of_before(regression, tmp_path / "old"), tmp_path / "baseline")
    assert not (tmp_path / "baseline").exists()


def test_a_baseline_of_a_baseline_is_refused(original: Bundle, tmp_path: Path) -> None:
    """It would answer the same."""
    made = make_baseline_bundle(original, tmp_path / "baseline")
    with pytest.raises(InputError, match="is a baseline already"):
        make_baseline_bundle(open_bundle(made.folder), tmp_path / "again")
