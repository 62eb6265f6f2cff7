"""The search of the training line."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from headrace.core.base.errors import DataError, HeadraceError, InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.contracts.contract import Task
from headrace.core.models import families
from headrace.core.models.h2o import h2o_server
from headrace.experiments.search import budget
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.tuners import tune
from headrace.experiments.tuners.local import LocalTuner, Tuner
from headrace.experiments.tuners.tune import SearchOptions, TuneOutputs
from tests.conftest import REPOSITORY
from tests.core import made
from tests.experiments.manifests.test_experiment_yaml import document


def tuned(
    folder: Path,
    wish: SearchOptions,
    *,
    task: Task = "binary",
    frame: pl.DataFrame | None = None,
    tuner: Tuner | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Best parameters and trials of a search on a made table."""
    table = made.table(120, task=task) if frame is None else frame
    tune.tune_model(
        made.write(table, folder / "table"),
        contract=made.write_contract(made.contract(task), folder / "contract.yaml"),
        outputs=TuneOutputs(folder / "best.json", folder / "trials.json", folder / "bundle"),
        options=wish,
        tuner=tuner,
    )
    return json.loads((folder / "best.json").read_text()), json.loads((folder / "trials.json").read_text())


def without_times(trials: dict[str, Any]) -> Any:
    """The trials but for how long they took."""
    return [{key: value for key, value in one.items() if key != "seconds"} for one in trials["trials"]]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_trial_is_recorded_and_the_best_one_wins(tmp_path: Path, task: Task) -> None:
    """Families take turns, each from its defaults on."""
    names = ("linear" if task == "regression" else "logistic", "hist_gradient_boosting")
    best, trials = tuned(tmp_path, SearchOptions(families=names, budget="5"), task=task)
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
    assert trials["objective"]["metric"] == metric
    assert [one["number"] for one in trials["trials"]] == [0, 1, 2, 3, 4]
    assert [one["family"] for one in trials["trials"]] == [names[0], names[1]] * 2 + [names[0]]
    first, second = trials["trials"][:2]
    assert first["parameters"] == {}
    assert second["parameters"] == {"max_iter": second["rounds"]}
    assert second["rounds"] > 0
    assert all(one["parameters"] for one in trials["trials"][2:])
    scores = [one["score"] for one in trials["trials"]]
    assert best["score"] == (max(scores) if task == "binary" else min(scores))
    assert trials["trials"][trials["best"]]["score"] == best["score"]
    assert trials["trials"][trials["best"]]["family"] == best["family"]
    assert len(trials["trials"][0]["scores"]) == best["folds"] == 5
    assert ("operating_points" in best) == (task == "binary")


def test_the_defaults_are_three_families_with_four_trials_each() -> None:
    """Unless the user says otherwise."""
    plan = tune.make_plan(SearchOptions(), "binary")
    assert [one.family for one in plan.experiments] == ["logistic", "random_forest", "hist_gradient_boosting"]
    assert plan.budget == SearchBudget(trials=12)
    assert tune.make_plan(SearchOptions(), "regression").experiments[0].family == "linear"


def test_the_same_seed_gives_the_same_search(tmp_path: Path) -> None:
    """Suggestions, folds and fits are repeatable."""
    wish = SearchOptions(families=("random_forest",), budget="3", folds=2, seed=7)
    small = made.table(80)
    first, second = (tuned(tmp_path / part, wish, frame=small) for part in _folders(tmp_path, "a", "b"))
    assert first[0] == second[0]
    assert without_times(first[1]) == without_times(second[1])


def _folders(parent: Path, *names: str) -> tuple[str, ...]:
    for name in names:
        (parent / name).mkdir()
    return names


def test_the_number_of_threads_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One core gives what many give, to the last bit."""
    wish = SearchOptions(families=("logistic", "random_forest", "hist_gradient_boosting"), budget="6")
    _folders(tmp_path, "one", "four")
    found = {}
    for name, cores in (("one", 1), ("four", 4)):
        monkeypatch.setattr("headrace.core.models.fitting.cores", lambda cores=cores: cores)
        found[name] = tuned(tmp_path / name, wish, frame=made.table(90))
    assert found["one"][0] == found["four"][0]
    assert without_times(found["one"][1]) == without_times(found["four"][1])


def breaking(name: str, error: Exception | None, *, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a family's fits fail, or answer with NaN."""
    whole = families.FAMILIES[name]

    class Broken:
        classes_ = np.array([0, 1])

        def __getitem__(self, _: int) -> "Broken":
            return self

        def fit(self, *_: Any) -> "Broken":
            if error is not None:
                raise error
            return self

        def predict_proba(self, rows: Any) -> Any:
            return np.full((len(rows), 2), np.nan)

    class Family(families.Family):
        def build(self, *_: Any, **__: Any) -> Any:
            return Broken()

    broken = Family(whole.name, whole.tasks, whole.parameters, whole.prepare, whole.estimator)
    monkeypatch.setitem(families.FAMILIES, name, broken)


@pytest.mark.parametrize("error", [ValueError("no luck"), MemoryError(), None])
def test_a_failing_trial_is_recorded_and_does_not_end_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """An objective that is not a number is a failure too."""
    breaking("random_forest", error, monkeypatch=monkeypatch)
    best, trials = tuned(tmp_path, SearchOptions(families=("random_forest", "logistic"), budget="4"))
    assert best["family"] == "logistic"
    assert [one["status"] for one in trials["trials"]] == ["failed", "succeeded"] * 2
    failed = trials["trials"][0]
    assert failed["score"] is None
    assert type(error).__name__ in failed["error"] if error else failed["error"]


def test_all_trials_failing_ends_the_search_with_the_first_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no best of nothing, but the trials are told."""
    breaking("logistic", ValueError("no luck"), monkeypatch=monkeypatch)
    with pytest.raises(DataError, match=r"all 3 failed.*no luck.*try other families"):
        tuned(tmp_path, SearchOptions(families=("logistic",), budget="3"))
    assert not (tmp_path / "best.json").exists()
    assert not (tmp_path / "bundle").exists()
    told = json.loads((tmp_path / "trials.json").read_text())
    assert [one["status"] for one in told["trials"]] == ["failed"] * 3
    assert told["best"] is None


def test_warnings_are_recorded_with_the_trial(tmp_path: Path) -> None:
    """A network that did not converge says so."""
    wish = SearchOptions(families=("mlp",), budget="1", folds=2)
    _, trials = tuned(tmp_path, wish, frame=made.table(150, noise=3.0))
    assert any("ConvergenceWarning" in sentence for sentence in trials["trials"][0]["warnings"])


def test_a_users_experiment_is_searched_as_it_stands(tmp_path: Path) -> None:
    """Its space, its objective, its algorithm, its number of trials, and no defaults."""
    changed = document()
    changed["spec"]["objective"] = {"type": "maximize", "objectiveMetricName": "f1"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed))
    best, trials = tuned(tmp_path, SearchOptions(experiment=str(path)))
    assert (best["metric"], best["family"]) == ("f1", "random_forest")
    assert len(trials["trials"]) == 6
    for one in trials["trials"]:
        assert one["parameters"]["max_depth"] in {2, 4, 6, 8}
        assert one["parameters"]["n_estimators"] in {10, 20}
        assert 0.1 <= one["parameters"]["max_features"] <= 1
    assert {one["experiment"] for one in trials["trials"]} == {"forest"}
    assert (trials["reason"], trials["tuner"], trials["algorithm"]) == ("MaxTrialsReached", "local", "tpe")


def test_the_goal_ends_the_search_early(tmp_path: Path) -> None:
    """Good enough is good enough."""
    changed = document()
    changed["spec"]["objective"]["goal"] = 0.5
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed))
    _, trials = tuned(tmp_path, SearchOptions(experiment=str(path)))
    assert len(trials["trials"]) == 3  # as many as run at once
    assert trials["reason"] == "GoalReached"


@pytest.mark.parametrize(
    ("wish", "task", "says"),
    [
        (SearchOptions(families=("oracle",)), "binary", "oracle"),
        (SearchOptions(families=("linear",)), "binary", "cannot do a binary task"),
        (SearchOptions(families=("logistic",)), "regression", "cannot do a regression task"),
        (SearchOptions(budget="soon"), "binary", "budget"),
        (SearchOptions(experiment="no_such"), "binary", "no_such"),
        (SearchOptions(experiment="linear"), "binary", "family linear cannot do a binary task"),
        (SearchOptions(experiment="random_forest"), "regression", "such as rmse"),
    ],
)
def test_a_wrong_wish_is_refused(wish: SearchOptions, task: Task, says: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(HeadraceError, match=says):
        tune.make_plan(wish, task)


@pytest.mark.parametrize("wish", [SearchOptions(families=("h2o_gbm",)), SearchOptions(experiment="h2o_gbm")])
def test_what_is_not_installed_ends_the_search_before_it_begins(
    wish: SearchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not each trial, after a while."""

    def refuse() -> None:
        raise InputError("families of H2O need the package h2o.")

    monkeypatch.setattr(h2o_server, "check_installed", refuse)
    with pytest.raises(InputError, match="need the package h2o"):
        tune.make_plan(wish, "binary")


def test_an_experiment_of_another_task_or_family_is_refused(tmp_path: Path) -> None:
    """Its objective must be one of the task's metrics."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document()))
    with pytest.raises(InputError, match="such as rmse"):
        tune.make_plan(SearchOptions(experiment=str(path)), "regression")
    with pytest.raises(InputError, match="leave them out"):
        tune.make_plan(SearchOptions(experiment=str(path), families=("logistic",)), "binary")


def test_a_time_budget_ends_the_search(tmp_path: Path) -> None:
    """No trial starts after the time; the first always does."""
    _, trials = tuned(tmp_path, SearchOptions(families=("logistic",), budget="1s"), frame=made.table(60))
    assert trials["reason"] == "TimeReached"
    assert len(trials["trials"]) >= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", SearchBudget(trials=20)),
        ("90s", SearchBudget(seconds=90)),
        ("5m", SearchBudget(seconds=300)),
        ("1h", SearchBudget(seconds=3600)),
    ],
)
def test_budgets_are_trials_or_times(text: str, expected: SearchBudget) -> None:
    """A bare number counts trials."""
    assert budget.parse(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-3", "1.5", "5 m", "m", "1d", "99999999", "20 trials"])
def test_other_budgets_are_refused(text: str) -> None:
    """The message shows what would do."""
    with pytest.raises(InputError, match="such as 20"):
        budget.parse(text)


def own(folder: Path, **changes: Any) -> str:
    """An Experiment of one's own, changed."""
    changed = document()
    changed["spec"].update(changes)
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(changed))
    return str(path)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_best_trial_is_kept_as_a_bundle(tmp_path: Path, task: Task) -> None:
    """It holds the refitted model, its cross-validated metrics, and cases that a server can be asked."""
    names = ("linear",) if task == "regression" else ("logistic",)
    best, _ = tuned(tmp_path, SearchOptions(families=names, budget="2"), task=task)
    bundle = open_bundle(tmp_path / "bundle")
    metrics = bundle.json("metrics.json")
    assert metrics["on"] == "cross-validation"
    assert "flatter" in (bundle.folder / "card.md").read_text()
    assert bundle.json("provenance.json")["search"]["score"] == best["score"]
    fitted = bundle.model()
    assert (fitted.family, fitted.parameters) == (best["family"], best["parameters"])
    assert bundle.json("cases.json")["cases"]
    if task == "binary":
        assert abs(metrics["metrics"]["roc_auc"]["value"] - best["score"]) < 0.05
        assert best["operating_points"] == [point.as_json() for point in fitted.operating_points]


def test_many_families_are_searched_by_one_experiment(tmp_path: Path) -> None:
    """The shipped one chooses among three; its trials may end early, and those never win."""
    best, trials = tuned(tmp_path, SearchOptions(experiment="families", budget="14"), frame=made.table(150, noise=1.0))
    assert {one["family"] for one in trials["trials"]} == {"logistic", "random_forest", "hist_gradient_boosting"}
    assert set(trials["trials"][0]["metrics"]) == {"roc_auc", "log_loss"}
    whole = [one for one in trials["trials"] if one["status"] == "succeeded"]
    assert best["score"] == max(one["score"] for one in whole)
    for one in trials["trials"]:
        stopped = one["status"] == "early_stopped"
        assert stopped == (len(one["scores"]) < trials["folds"]) == ("behind" in one["error"])
        assert one["metrics"]["roc_auc"]["latest"] == pytest.approx(np.mean(one["scores"]))


def test_a_trial_that_falls_behind_is_ended_and_cannot_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if its partial score is the best of all."""
    seen: list[int] = []

    def flattering(reported: Any) -> str:
        seen.append(len(reported))
        return "for a test" if len(reported) == 1 else ""

    monkeypatch.setattr("headrace.experiments.search.median_stopping.MedianStopping.rule", lambda _: flattering)
    stopping = {"algorithmName": "medianstop"}
    with pytest.raises(DataError, match="all 6 failed"):
        tuned(tmp_path, SearchOptions(experiment=own(tmp_path, earlyStopping=stopping)))
    told = json.loads((tmp_path / "trials.json").read_text())
    assert {one["status"] for one in told["trials"]} == {"early_stopped"}
    assert seen == [1] * 6


def test_stopping_changes_no_score_of_a_trial_that_runs_to_its_end(tmp_path: Path) -> None:
    """Fold by fold or all at once, the numbers are the same."""
    _folders(tmp_path, "all", "each")
    wish = SearchOptions(experiment=own(tmp_path, maxTrialCount=3), seed=2)
    _, at_once = tuned(tmp_path / "all", wish)
    patient = {"algorithmName": "medianstop", "algorithmSettings": [{"name": "min_trials_required", "value": "99"}]}
    own(tmp_path, maxTrialCount=3, earlyStopping=patient)
    _, one_by_one = tuned(tmp_path / "each", wish)
    assert without_times(at_once) == without_times(one_by_one)


def test_too_many_failures_end_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Katib's maxFailedTrialCount does, even if some succeeded; the one that runs beside the last is awaited."""
    breaking("random_forest", ValueError("no luck"), monkeypatch=monkeypatch)
    path = own(tmp_path, maxFailedTrialCount=2, parallelTrialCount=2)
    with pytest.raises(DataError, match="all 3 failed"):
        tuned(tmp_path, SearchOptions(experiment=path))


@pytest.mark.parametrize("algorithm", ["random", "tpe", "cmaes", "sobol", "bayesianoptimization"])
def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path: Path, algorithm: str) -> None:
    """Whatever was finished is not run again, and the result is that of a search that was never killed."""
    _folders(tmp_path, "whole", "first", "second")
    frame = made.table(80)
    path = own(tmp_path, algorithm={"algorithmName": algorithm}, maxTrialCount=8, parallelTrialCount=2)
    options = SearchOptions(experiment=path, folds=2, seed=5)
    expected = tuned(tmp_path / "whole", options, frame=frame)
    journal = tmp_path / "trials.jsonl"
    _interrupted(tmp_path / "first", options, frame, journal, after=5)
    kept = journal.read_bytes().splitlines()
    assert len(kept) >= 6
    journal.write_bytes(b"\n".join(kept[:5]) + b"\n" + kept[5][:40])  # cut short in the middle of a line
    tuner = LocalTuner(journal)
    found = tuned(tmp_path / "second", options, frame=frame, tuner=tuner)
    assert found[0] == expected[0]
    assert without_times(found[1]) == without_times(expected[1])
    assert not journal.exists()


def test_a_killed_search_over_boosting_libraries_goes_on_to_the_same_model(tmp_path: Path) -> None:
    """Their fits are repeatable to the last bit too, beside one another and after a restart."""
    _folders(tmp_path, "whole", "first", "second")
    options = SearchOptions(families=("lightgbm", "xgboost"), budget="4", folds=2, seed=5)
    frame, journal = made.table(80), tmp_path / "trials.jsonl"
    expected = tuned(tmp_path / "whole", options, frame=frame)
    _interrupted(tmp_path / "first", options, frame, journal, after=2)
    found = tuned(tmp_path / "second", options, frame=frame, tuner=LocalTuner(journal))
    assert found[0] == expected[0]
    assert without_times(found[1]) == without_times(expected[1])


class _Killed(BaseException):
    """Stands for the end of the process."""


def _interrupted(folder: Path, wish: SearchOptions, frame: pl.DataFrame, journal: Path, *, after: int) -> None:
    """A search that ends in the middle of its trials."""
    count = 0

    class Ending(LocalTuner):
        def tune(self, *given: Any, listener: Any, **named: Any) -> Any:
            def hears(trial: Any) -> None:
                nonlocal count
                listener(trial)
                count += 1
                if count == after:
                    raise _Killed

            return super().tune(*given, listener=hears, **named)

    with pytest.raises(_Killed):
        tuned(folder, wish, frame=frame, tuner=Ending(journal))


@pytest.mark.parametrize("change", ["seed", "space", "data"])
def test_a_journal_of_another_search_is_refused(tmp_path: Path, change: str) -> None:
    """The sentence says what differs."""
    _folders(tmp_path, "a", "b")
    journal = tmp_path / "trials.jsonl"
    wish = SearchOptions(experiment=own(tmp_path), folds=2, seed=1)
    _interrupted(tmp_path / "a", wish, made.table(60), journal, after=3)
    before = journal.read_bytes()
    frame = made.table(60)
    if change == "seed":
        wish = SearchOptions(experiment=wish.experiment, folds=2, seed=2)
    elif change == "space":
        own(tmp_path, algorithm={"algorithmName": "random"})
    else:
        frame = made.table(60, seed=3)
    with pytest.raises(InputError, match=r"another search, whose .*differ"):
        tuned(tmp_path / "b", wish, frame=frame, tuner=LocalTuner(journal))
    assert journal.read_bytes() == before


KILLED = """
import sys
from pathlib import Path
from headrace.experiments.tuners.tune import TuneOutputs, SearchOptions, tune_model
from headrace.experiments.tuners.local import LocalTuner
folder, experiment = map(Path, sys.argv[1:3])
tune_model(folder / "table", contract=folder / "contract.yaml",
           outputs=TuneOutputs(folder / "best.json", folder / "trials.json", folder / "bundle"),
           options=SearchOptions(experiment=str(experiment), folds=2, seed=5), tuner=LocalTuner(folder / "kept.jsonl"))
"""


def test_sigkill_loses_no_finished_trial(tmp_path: Path) -> None:
    """A real process is killed as soon as it has kept three trials; another one goes on."""
    path = own(tmp_path, maxTrialCount=40, parallelTrialCount=2)
    made.write(made.table(150), tmp_path / "table")
    made.write_contract(made.contract(), tmp_path / "contract.yaml")
    journal = tmp_path / "kept.jsonl"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), path], env=dict(os.environ))
    deadline = time.monotonic() + 120
    while not journal.exists() or journal.read_bytes().count(b"\n") < 4:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = [json.loads(line)["trial"] for line in journal.read_bytes().split(b"\n")[1:-1]]
    assert len(kept) >= 3
    assert not (tmp_path / "trials.json").exists()
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), path], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    trials = json.loads((tmp_path / "trials.json").read_text())["trials"]
    assert len(trials) == 40
    for one in kept:  # to the very second that they took
        assert trials[one["number"]] == one


def test_nested_cross_validation_tells_what_the_search_is_worth(tmp_path: Path) -> None:
    """On noise the best of many scores is better than chance, and its worth is not."""
    frame = made.table(150, seed=4)
    shuffled = frame.with_columns(frame.get_column("target").sample(fraction=1.0, shuffle=True, seed=1))
    wish = SearchOptions(families=("knn", "logistic"), budget="8", nested=True, folds=3)
    _, trials = tuned(tmp_path, wish, frame=shuffled)
    nested = trials["nested"]
    assert len(nested["folds"]) == trials["folds"] == 3
    assert nested["score"] == pytest.approx(np.mean([one["score"] for one in nested["folds"]]))
    assert nested["optimism"] == pytest.approx(nested["inner_score"] - nested["score"])
    assert nested["optimism"] > 0
    assert nested["low"] < nested["score"] < nested["high"]
    assert abs(nested["score"] - 0.5) < 0.12


SHIPPED = sorted(path.stem for path in (REPOSITORY / "experiments" / "spaces").glob("*.yaml"))


# Families whose tests search them on rows of their own kind: pictures, sequences, series; and those that compile.
_ELSEWHERE = frozenset({"autoencoder", "cnn", "direct_linear", "gru", "lstm", "mlp_embeddings", "tcn"})


@pytest.mark.parametrize("name", [name for name in SHIPPED if not name.startswith("h2o_") and name not in _ELSEWHERE])
def test_every_shipped_experiment_runs_here_on_a_small_budget(tmp_path: Path, name: str) -> None:
    """As it stands, from its file."""
    path = (REPOSITORY / "experiments" / "spaces") / f"{name}.yaml"
    task: Task = "regression" if name == "linear" else "binary"
    task = "anomaly" if name in {"isolation_forest", "robust_covariance"} else task
    wish = SearchOptions(experiment=str(path), budget="2", folds=2)
    best, trials = tuned(tmp_path, wish, task=task, frame=made.table(300 if task == "anomaly" else 70, task=task))
    assert len(trials["trials"]) == 2
    assert best["family"]


def counts(rows: int) -> pl.DataFrame:
    """The made table with a target that is a count."""
    table = made.table(rows, task="regression")
    return table.with_columns((pl.col("target").clip(0, 3000) / 1000).round().alias("target"))


def test_a_search_minimises_the_loss_of_the_objective(tmp_path: Path) -> None:
    """With a count its deviance decides, and the answers of the best trial's bundle have intervals."""
    contract = replace(made.contract("regression"), objective="count", intervals=0.8)
    tune.tune_model(
        made.write(counts(120), tmp_path / "table"),
        contract=made.write_contract(contract, tmp_path / "contract.yaml"),
        outputs=TuneOutputs(tmp_path / "best.json", tmp_path / "trials.json", tmp_path / "bundle"),
        options=SearchOptions(budget="3"),
    )
    trials = json.loads((tmp_path / "trials.json").read_text())
    assert (trials["objective"]["metric"], trials["objective"]["type"]) == ("poisson_deviance", "minimize")
    assert [one["status"] for one in trials["trials"]] == ["succeeded"] * 3
    (case, *_) = json.loads((tmp_path / "bundle" / "cases.json").read_text())["cases"]
    assert 0 <= case["expected"]["lower"] <= case["expected"]["upper"]
    metrics = json.loads((tmp_path / "bundle" / "metrics.json").read_text())["metrics"]
    assert {"poisson_deviance", "interval_coverage"} <= set(metrics)


def test_what_the_contract_asks_limits_the_families_and_metrics(tmp_path: Path) -> None:
    """A family that cannot, and a metric that the contract does not define, are refused before anything is fitted."""
    rising = replace(
        made.contract("regression"),
        columns=tuple(
            replace(column, monotone="increasing" if column.name == "size" else "")
            for column in made.contract("regression").columns
        ),
    )
    plan = tune.make_plan(SearchOptions(), "regression", contract=rising)
    assert [one.family for one in plan.experiments] == ["random_forest", "hist_gradient_boosting"]
    with pytest.raises(InputError, match="the family linear cannot do monotone constraints"):
        tune.make_plan(SearchOptions(families=("linear",)), "regression", contract=rising)
    path = tmp_path / "mine.yaml"
    content = document()
    content["spec"]["objective"] = {"type": "maximize", "objectiveMetricName": "quadratic_kappa"}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"the metric quadratic_kappa of .* needs an ordered target"):
        tune.make_plan(SearchOptions(experiment=str(path)), "binary", contract=made.contract())
