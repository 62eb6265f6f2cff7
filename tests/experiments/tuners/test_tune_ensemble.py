"""Searches that end with an ensemble of their trials."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.inference import engine
from headrace.core.models import fitted_model, train
from headrace.experiments.tuners.local import LocalTuner
from headrace.experiments.tuners.tune import SearchOptions
from tests.core import made
from tests.experiments.tuners.test_tune import tuned

BOTH = SearchOptions(families=("linear", "hist_gradient_boosting"), budget="4", folds=3, ensemble="greedy")


def mixed(rows: int = 120, seed: int = 0) -> pl.DataFrame:
    """A target of a line and of a step, each of which one family alone can follow."""
    frame = made.table(rows, task="regression", seed=seed)
    draw = np.random.default_rng(seed)
    step = np.where(frame.get_column("age").to_numpy() > 50, 1500.0, -1500.0)
    line = 1500 * np.nan_to_num(frame.get_column("size").to_numpy().astype(np.float64))
    return frame.with_columns(pl.Series("target", line + step + draw.normal(size=rows) * 1000))


def without_seconds(trials: dict[str, Any]) -> Any:
    """Everything but times."""
    return [{**one, "seconds": 0.0} for one in trials["trials"]], trials["ensemble"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A search that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *tuned(folder, BOTH, task="regression", frame=mixed())


def test_a_search_ends_with_the_ensemble_that_pays(whole: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    """Its bundle serves one exact graph, and its parameters are what train fits."""
    folder, best, trials = whole
    assert trials["ensemble"]["taken"], trials["ensemble"]["reason"]
    assert best["family"] == "ensemble"
    assert best["score"] == trials["ensemble"]["score"] < trials["ensemble"]["best_score"]
    assert best["ensemble"] == trials["ensemble"]["reason"]
    assert {one["family"] for one in trials["ensemble"]["members"]} == set(BOTH.families)
    assert trials["trials"][trials["best"]]["family"] in BOTH.families
    bundle = open_bundle(folder / "bundle")
    assert bundle.json("engine.json")["engine"] == "onnx"
    model = bundle.model()
    rows = model.encode(mixed(50, seed=3))
    served = engine.load(bundle.folder, model.contract)(rows)
    np.testing.assert_allclose(served, model.pipeline.predict(rows), rtol=1e-9)


def test_train_fits_its_members_on_all_rows(whole: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path) -> None:
    """The same model as that of the search's bundle, to the last byte."""
    folder, best, _ = whole
    facts = train.train_model(
        folder / "table",
        contract=folder / "contract.yaml",
        best_parameters=folder / "best.json",
        folder=tmp_path,
    )
    assert facts["family"] == "ensemble"
    assert facts["parameters"] == best["parameters"]
    assert (tmp_path / "model.skops").read_bytes() == (folder / "bundle" / "model.skops").read_bytes()
    assert fitted_model.load(tmp_path).family == "ensemble"


def test_a_search_that_was_killed_goes_on_to_the_same_ensemble(
    whole: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    """Its predictions lie beside the journal; of those that are lost or damaged the trials are run again."""
    _, best, trials = whole
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    journal = tmp_path / "trials.jsonl"
    kept = tmp_path / "trials.jsonl.predictions"
    with pytest.raises(_KilledError):
        tuned(tmp_path / "first", BOTH, task="regression", frame=mixed(), tuner=_Ending(journal))
    files = sorted(kept.iterdir())
    assert len(files) >= 3  # one that ran beside the last may have ended too
    files[0].unlink()
    files[1].write_bytes(b"cut")
    found = tuned(tmp_path / "second", BOTH, task="regression", frame=mixed(), tuner=LocalTuner(journal))
    assert found[0] == best
    assert without_seconds(found[1])[1] == trials["ensemble"]
    assert not kept.exists()
    assert not journal.exists()


class _KilledError(BaseException):
    """Stands for the end of the process."""


class _Ending(LocalTuner):
    """Ends in the middle of its trials."""

    def tune(self, *given: Any, listener: Any, **named: Any) -> Any:
        """Search, and end after three trials."""
        heard: list[Any] = []

        def hear(trial: Any) -> None:
            listener(trial)
            heard.append(trial)
            if len(heard) == 3:
                raise _KilledError

        return super().tune(*given, listener=hear, **named)


def test_nested_cross_validation_is_of_the_search_with_its_ensemble(tmp_path: Path) -> None:
    """What it estimates is what is done."""
    wish = SearchOptions(families=BOTH.families, budget="2", folds=3, ensemble="greedy", nested=True)
    _, trials = tuned(tmp_path, wish, task="regression", frame=mixed())
    assert "ensemble" in {one["family"] for one in trials["nested"]["folds"]}


class Elsewhere(LocalTuner):
    """Stands for Katib: trials run elsewhere and bring no predictions back."""

    name = "katib"

    def tune(self, plan: Any, study: Any, **given: Any) -> Any:
        """Search as if no ensemble had been asked for."""
        return super().tune(replace(plan, ensemble="off"), study, **given)


def test_where_trials_leave_no_predictions_it_is_refused_or_said(tmp_path: Path) -> None:
    """A method by name is refused before anything runs; with auto the search ends with its best trial, and says so."""
    with pytest.raises(InputError, match="trials on Katib do not bring back"):
        tuned(tmp_path, BOTH, task="regression", frame=mixed(60), tuner=Elsewhere())
    assert not (tmp_path / "trials.json").exists()
    wish = SearchOptions(families=("linear",), budget="1", folds=2, ensemble="auto")
    best, trials = tuned(tmp_path, wish, task="regression", frame=mixed(60), tuner=Elsewhere())
    assert best["family"] == "linear"
    assert "Katib" in trials["ensemble"]["reason"]
    assert json.loads((tmp_path / "best.json").read_text())["ensemble"] == trials["ensemble"]["reason"]
