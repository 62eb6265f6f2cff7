"""A trial in a pod of its own: run exactly as the Job of the Experiment says, with the data in a real object store."""

import io
import json
from pathlib import Path

import pytest

from headrace.core.base.environment_values import TrialSettings
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments import trial_job
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search import loop
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.loop import SearchPlan, TrialRequest
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study
from headrace.stores.bundles import bundle_store
from headrace.stores.objects.object_store import connect
from tests.core import made
from tests.experiments import jobs
from tests.experiments.collector import collected, observation


@pytest.fixture(scope="module")
def study() -> Study:
    """Some rows, divided."""
    return jobs.study()


def test_a_trial_reports_what_a_search_here_would(study: Study, settings: StoreSettings, tmp_path: Path) -> None:
    """Katib's filter finds each metric after each fold; the record and the bundle lie in the store."""
    experiment, store = experiment_yaml.load_shipped("families"), connect(settings)
    document, uri = jobs.sent(experiment, study, store, tmp_path / "study")
    ended = jobs.run_here(jobs.substituted(document, "families-0a1b2c3d-x7", jobs.VALUES), settings)
    assert ended.returncode == 0, ended.stdout
    with CrossValidation.on(study.sample, experiment.objective) as run:
        here = run(TrialRequest(0, experiment, {**jobs.VALUES, "logistic__C": 0.5}))
    reported = collected(ended.stdout, jobs.METRICS)
    assert [value for _, name, value in reported if name == "roc_auc"] == list(here.reported)
    times = [moment for moment, _, _ in reported]
    assert len(times) == 8
    assert sorted(set(times)) == times
    assert {item["name"]: float(item["latest"]) for item in observation(ended.stdout, jobs.METRICS)} == {
        name: values["latest"] for name, values in here.metrics.items()
    }
    record = Trial.from_json(json.loads(store.get_bytes(trial_job.record_key(uri, "families-0a1b2c3d-x7"))))
    assert (record.family, record.parameters, record.score) == ("logistic", {"C": 0.5}, here.score)
    assert record.scores == here.scores
    bundle = open_bundle(bundle_store.fetch(record.bundle, tmp_path / "bundle", settings=settings))
    assert bundle.model().parameters == {"C": 0.5}
    assert bundle.json("metrics.json")["on"] == "cross-validation"
    assert settings.secret_key not in ended.stdout


def test_folds_one_by_one_are_those_of_all_at_once(study: Study) -> None:
    """What is reported on the way changes no number."""
    experiment = experiment_yaml.load_shipped("random_forest")
    plan = SearchPlan([experiment], SearchBudget(trials=3), defaults=False)
    found = []
    for report in (None, lambda _: None):
        with CrossValidation.on(study.sample, experiment.objective, report) as run:
            found.append(loop.search(plan, run))
    assert [trial.reported for trial in found[0].trials] == [trial.reported for trial in found[1].trials]


def test_a_trial_whose_objective_is_not_defined_reports_none(rclone_settings: StoreSettings, tmp_path: Path) -> None:
    """Never NaN, which would stay Katib's best for ever."""
    study = Study.of(made.table(60), made.contract(), folds=3)
    experiment, store = experiment_yaml.load_shipped("naive_bayes"), connect(rclone_settings)
    lopsided = tuple(
        type(fold)(fold.fitted, fold.held_out[study.sample.target[fold.held_out] == 0]) for fold in study.folds
    )
    changed = Study(study.frame, study.contract, study.rows, lopsided, study.seed)
    document, uri = jobs.sent(experiment, changed, store, tmp_path / "study")
    told = TrialSettings(uri, "naive-bayes-0a1b2c3d-x7", '{"var_smoothing": "1e-9"}')
    stream = io.StringIO()
    assert document["metadata"]["annotations"]["headrace/study"] == uri
    assert not trial_job.run(told, rclone_settings, trial_job.Reporter(stream)).won
    assert collected(stream.getvalue(), ["roc_auc"]) == []
    record = json.loads(store.get_bytes(trial_job.record_key(uri, "naive-bayes-0a1b2c3d-x7")))
    assert (record["status"], record["score"], record["bundle"]) == ("metrics_unavailable", None, "")
    assert "no fold defines" in record["error"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"HEADRACE_STUDY": ""}, "HEADRACE_STUDY is not set"),
        ({"HEADRACE_TRIAL_PARAMETERS": "C=1"}, "must be a JSON object of texts"),
        ({"HEADRACE_TRIAL_PARAMETERS": '{"C": "${trialParameters.p0}"}'}, "C of a trial must be a number"),
        ({"HEADRACE_TRIAL_PARAMETERS": '{"D": "1"}'}, "must be given ['C']"),
        ({"HEADRACE_STUDY": "s3://headrace/studies/x/"}, "must be s3://BUCKET/.../DIGEST/"),
        ({"HEADRACE_S3_ENDPOINT": ""}, "set HEADRACE_S3_ENDPOINT"),
        ({"HEADRACE_S3_SECRET_KEY": "wrong"}, "HEADRACE_S3"),
    ],
)
def test_what_is_wrong_ends_a_trial_in_one_sentence(
    study: Study,
    rclone_settings: StoreSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    says: str,
) -> None:
    """With exit code 2, and after long enough for Katib's collector to have seen it."""
    document, _ = jobs.sent(
        experiment_yaml.load_shipped("logistic"), study, connect(rclone_settings), tmp_path / "study"
    )
    job = jobs.substituted(document, "logistic-0a1b2c3d-x7", {"C": "1"})
    variables = {**jobs.environment(jobs.container(job), rclone_settings.environment()), **changes}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    assert trial_job.main() == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith("headrace: ")
    assert says in told.err
    assert slept[-1] > 0
