"""The search on Katib: a real API server and object store; Katib's controllers are played, for no pod can run here."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS, NAMESPACES
from headrace.core.base.errors import ClusterError, DataError, HeadraceError, InputError
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.search.result import SearchResult
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study
from headrace.experiments.tuners.katib import KatibOptions, KatibTuner
from headrace.experiments.tuners.katib_namespace import LABEL
from headrace.experiments.tuners.katib_spec import TrialPod
from headrace.experiments.tuners.local import LocalTuner
from headrace.experiments.tuners.tune import SearchOptions, TuneOutputs, make_plan, tune_model
from tests.cluster.api_server import ApiServer
from tests.conftest import write_table
from tests.core import made
from tests.experiments import jobs
from tests.experiments.katib_controller import STOPPED, Ran, Run, katib
from tests.experiments.manifests.test_experiment_yaml import document

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]

Changes = dict[str, Any]


@pytest.fixture
def study() -> Study:
    """Some rows, divided."""
    return Study.of(made.table(100, noise=1.0), made.contract(), folds=3, seed=2)


@pytest.fixture
def kubeconfig(kubernetes: ApiServer, cluster: Cluster, tmp_path: Path) -> Path:
    """A kubeconfig of the test's own namespace."""
    document = yaml.safe_load(kubernetes.kubeconfig.read_text())
    document["contexts"][0]["context"]["namespace"] = cluster.namespace
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def own(folder: Path, **changes: Any) -> str:
    """An Experiment of one's own, which counts the last value."""
    changed = document()
    changed["spec"]["objective"]["metricStrategies"] = [{"name": "roc_auc", "value": "latest"}]
    changed["spec"].update({"maxTrialCount": 4, "parallelTrialCount": 2, **changes})
    del changed["spec"]["objective"]["goal"]
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(changed))
    return str(path)


def tuner(cluster: Cluster, settings: StoreSettings, **options: Any) -> KatibTuner:
    """The tuner under test."""
    return KatibTuner(cluster, settings, KatibOptions(TrialPod("image:1"), poll_seconds=0.2, **options))


def tuned(
    cluster: Cluster, settings: StoreSettings, study: Study, wish: SearchOptions, folder: Path, run: Run, **options: Any
) -> tuple[SearchResult, list[Trial]]:
    """A search while Katib is at work, and what its listener heard."""
    heard: list[Trial] = []
    given = {key: options.pop(key) for key in ("refuses", "processors") if key in options}
    with katib(cluster, run, **given):
        found = tuner(cluster, settings, **options).tune(
            make_plan(wish, "binary"), study, bundle=folder / "bundle", listener=heard.append
        )
    return found, heard


def really(settings: StoreSettings) -> Run:
    """Runs a Job's container as a process of this machine."""

    def run(job: Mapping[str, Any]) -> Ran:
        ended = jobs.run_here(job, settings)
        return ended.returncode, ended.stdout

    return run


def scripted(*answers: float | str) -> Run:
    """Jobs that report a value at once; a text is an output as it is, a whole number an exit code."""
    count, lock = iter(range(1000)), threading.Lock()

    def run(_: Mapping[str, Any]) -> Ran:
        with lock:
            answer = answers[next(count) % len(answers)]
        if isinstance(answer, float):
            return 0, f"2026-01-01T00:00:00Z roc_auc={answer}\n"
        return (answer, "roc_auc=0.99\n") if isinstance(answer, int) else (0, answer)

    return run


def test_the_same_trial_code_runs_there(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Each trial's own process reads its rows from the store; scores are those of a search here."""
    wish = SearchOptions(experiment=own(tmp_path, maxTrialCount=3, parallelTrialCount=3))
    found, heard = tuned(cluster, rclone_settings, study, wish, tmp_path, really(rclone_settings))
    assert [trial.status for trial in found.trials] == ["succeeded"] * 3
    assert {trial.name for trial in heard} == {trial.name for trial in found.trials}
    assert found.reason == "MaxTrialsReached"
    assert len({trial.bundle for trial in found.trials}) == 3
    bundle = open_bundle(tmp_path / "bundle")
    assert found.best.bundle.endswith(f"/{bundle.digest}/")
    assert bundle.model().parameters == found.best.parameters
    (experiment,) = make_plan(wish, "binary").experiments
    with CrossValidation.on(study.sample, experiment.objective) as here:
        for trial in found.trials:
            assert here(TrialRequest(0, experiment, trial.parameters)).scores == trial.scores
            assert trial.score == pytest.approx(sum(trial.scores) / 3)
    assert cluster.list(EXPERIMENTS) == []  # cleaned up, since it succeeded


def test_a_partial_score_does_not_win(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Of early-stopped, failed, killed trials and those without metrics none is the best."""
    run = scripted(0.7, STOPPED, 1, "nothing\n")
    found, _ = tuned(cluster, rclone_settings, study, SearchOptions(experiment=own(tmp_path)), tmp_path, run)
    by_status = {trial.status: trial for trial in found.trials}
    assert set(by_status) == {"succeeded", "early_stopped", "failed", "metrics_unavailable"}
    assert found.best == by_status["succeeded"]
    assert found.best.score == 0.7
    assert by_status["early_stopped"].score == 0.99
    assert "BackoffLimitExceeded" in by_status["failed"].error
    # These trials kept no bundle of their own: the best is run again here.
    assert open_bundle(tmp_path / "bundle").model().parameters == found.best.parameters


@pytest.mark.parametrize(
    ("run", "changes", "says"),
    [
        (scripted(1), {}, r"all 4 failed, the first with: .*BackoffLimitExceeded"),
        (scripted("roc_auc=nan\n"), {}, r"all 4 failed, the first with: Metrics are not available"),
        (scripted(1), {"maxFailedTrialCount": 2}, "max failed count has reached"),
        (scripted(0.5, 1), {"maxFailedTrialCount": 1}, "max failed count has reached"),
    ],
)
def test_a_search_without_a_good_end_fails(
    cluster: Cluster,
    rclone_settings: StoreSettings,
    study: Study,
    tmp_path: Path,
    run: Run,
    changes: Changes,
    says: str,
) -> None:
    """Even where Katib says that it succeeded; the trials are told, and the Experiment stays to be looked at."""
    path = own(tmp_path, **changes)
    with pytest.raises(DataError, match=says) as caught:
        tuned(cluster, rclone_settings, study, SearchOptions(experiment=path), tmp_path, run)
    assert caught.value.trials  # type: ignore[attr-defined]
    assert not (tmp_path / "bundle").exists()
    assert len(cluster.list(EXPERIMENTS)) == 1


def test_what_the_suggestion_service_says_is_told(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """It stands in the Suggestion, not in the Experiment."""
    wish = SearchOptions(experiment=own(tmp_path))
    with pytest.raises(DataError, match="Katib says: Validation failed: no such thing"):
        tuned(
            cluster, rclone_settings, study, wish, tmp_path, scripted(0.5), refuses="Validation failed: no such thing"
        )


@pytest.mark.parametrize(("cleanup", "left"), [("always", 0), ("succeeded", 0), ("never", 1)])
def test_the_policy_says_what_is_left(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path, cleanup: str, left: int
) -> None:
    """Of a search that succeeded."""
    wish = SearchOptions(experiment=own(tmp_path))
    tuned(cluster, rclone_settings, study, wish, tmp_path, scripted(0.5), cleanup=cleanup)
    assert len(cluster.list(EXPERIMENTS)) == left


def test_an_experiment_that_somebody_deletes_is_missed(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Instead of being waited for."""

    def delete() -> None:
        while not (found := cluster.list(EXPERIMENTS)):
            time.sleep(0.05)
        cluster.delete(EXPERIMENTS, found[0]["metadata"]["name"])

    thread = threading.Thread(target=delete)
    thread.start()
    with pytest.raises(DataError, match="somebody deleted it"):
        tuner(cluster, rclone_settings).tune(
            make_plan(SearchOptions(experiment=own(tmp_path)), "binary"),
            study,
            bundle=tmp_path / "b",
            listener=lambda _: None,
        )
    thread.join()


def test_several_families_are_several_experiments(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """One for each, at the same time; the best of all wins."""
    wish = SearchOptions(families=("logistic", "naive_bayes"), budget="4")
    found, _ = tuned(cluster, rclone_settings, study, wish, tmp_path, scripted(0.6, 0.7, 0.8, 0.9))
    assert {trial.family for trial in found.trials} == {"logistic", "naive_bayes"}
    assert found.best.score == 0.9
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))


def test_a_namespace_without_the_label_is_refused(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Before anything is sent, with the command that sets it."""
    cluster.patch(NAMESPACES, cluster.namespace, {"metadata": {"labels": {LABEL: None}}})
    with pytest.raises(InputError, match=f"kubectl label namespace {cluster.namespace} {LABEL}=enabled"):
        tuned(cluster, rclone_settings, study, SearchOptions(experiment=own(tmp_path)), tmp_path, scripted(0.5))
    assert cluster.list(EXPERIMENTS) == []


def test_a_namespace_without_the_trials_account_is_refused(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Jobs would make no pods, and nobody would say so before the deadline."""
    named = TrialPod("image:1", service_account="headrace-none")
    plan = make_plan(SearchOptions(experiment=own(tmp_path)), "binary")
    with pytest.raises(InputError, match="must have the service account headrace-none, or no trial begins"):
        KatibTuner(cluster, rclone_settings, KatibOptions(named)).tune(
            plan, study, bundle=tmp_path / "b", listener=lambda _: None
        )
    assert cluster.list(EXPERIMENTS) == []


BAD: list[Callable[[Changes], None]] = [
    lambda spec: spec.update(parallelTrialCount=9),
    lambda spec: spec.update(algorithm={"algorithmName": "grid"}),
    lambda spec: spec.update(algorithm={"algorithmName": "tpe", "algorithmSettings": [{"name": "gama", "value": "1"}]}),
    lambda spec: spec["parameters"][0]["feasibleSpace"].update(min="9"),
    lambda spec: spec["objective"].update(objectiveMetricName="luck"),
    lambda spec: spec.update(trialTemplate={"primaryContainerName": "x"}),
]


@pytest.mark.parametrize("change", BAD)
def test_both_engines_refuse_with_the_same_sentence(
    cluster: Cluster, rclone_settings: StoreSettings, tmp_path: Path, change: Callable[[Changes], None]
) -> None:
    """Before a trial runs here, and before anything is sent there."""
    changed = document()
    change(changed["spec"])
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(changed))
    made.write(made.table(60), tmp_path / "table")
    made.write_contract(made.contract(), tmp_path / "contract.yaml")
    said = []
    for engine in (LocalTuner(), tuner(cluster, rclone_settings)):
        with pytest.raises(HeadraceError) as caught:
            tune_model(
                tmp_path / "table",
                contract=tmp_path / "contract.yaml",
                outputs=TuneOutputs(tmp_path / "best", tmp_path / "trials", tmp_path / "bundle"),
                options=SearchOptions(experiment=str(path)),
                tuner=engine,
            )
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert cluster.list(EXPERIMENTS) == []


def test_a_store_or_a_cluster_that_is_down_is_named(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """And no Experiment is left."""
    plan = make_plan(SearchOptions(experiment=own(tmp_path)), "binary")
    with pytest.raises(HeadraceError, match=r"127.0.0.1:9"):
        tuner(cluster, replace(rclone_settings, endpoint="http://127.0.0.1:9")).tune(
            plan, study, bundle=tmp_path / "b", listener=lambda _: None
        )
    away = replace(cluster, namespace="no-such-namespace")
    with pytest.raises((ClusterError, InputError), match="no-such-namespace"):
        tuner(away, rclone_settings).tune(plan, study, bundle=tmp_path / "b", listener=lambda _: None)
    assert cluster.list(EXPERIMENTS) == []


STEP = """
import sys
from pathlib import Path
from headrace.experiments.tuners.tune import TuneOutputs, SearchOptions, tune_model
from headrace.experiments.tuners.factory import TunerTarget, create_tuner
folder = Path(sys.argv[1])
tune_model(folder / "table", contract=folder / "contract.yaml",
           outputs=TuneOutputs(folder / "best.json", folder / "trials.json", folder / "bundle"),
           options=SearchOptions(experiment=str(folder / "mine.yaml")),
           tuner=create_tuner(TunerTarget("katib", image="image:1")))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_step_that_is_cancelled_deletes_its_experiment(
    cluster: Cluster, kubeconfig: Path, rclone_settings: StoreSettings, tmp_path: Path, number: signal.Signals
) -> None:
    """A real process, ended as Kubernetes ends a step, or by Ctrl-C."""
    own(tmp_path)
    made.write(made.table(60), tmp_path / "table")
    made.write_contract(made.contract(), tmp_path / "contract.yaml")
    process = subprocess.Popen(
        [sys.executable, "-c", STEP, str(tmp_path)],
        env={**os.environ, **rclone_settings.environment(), "KUBECONFIG": str(kubeconfig)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not cluster.list(EXPERIMENTS):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    try:
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    assert cluster.list(EXPERIMENTS) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_deletes_its_experiment(
    kubernetes: ApiServer, cluster: Cluster, rclone_settings: StoreSettings, tmp_path: Path, number: signal.Signals
) -> None:
    """The search runs in a step below the command, which lets it end before anything is killed."""
    table = write_table(tmp_path / "customers.csv")
    options = f"--target churn --experiment logistic --tuner katib --output {tmp_path / 'out'}"
    options += f" --namespace {cluster.namespace}"
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace.cli.main", "tune", str(table), *options.split()],
        env={**os.environ, **rclone_settings.environment(), "KUBECONFIG": str(kubernetes.kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not cluster.list(EXPERIMENTS):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert cluster.list(EXPERIMENTS) == []
