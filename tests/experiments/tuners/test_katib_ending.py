"""What becomes of Experiments whose search ends late or badly, as its user wishes; and the play of Katib in that."""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EVENTS, EXPERIMENTS, TRIALS
from headrace.cluster.api.lease_document import all_leases
from headrace.core.base.errors import DataError
from headrace.core.base.settings import StoreSettings
from headrace.experiments.trials.study import Study
from headrace.experiments.tuners import katib_status
from headrace.experiments.tuners.tune import SearchOptions, make_plan
from headrace.rollouts.cleanup import clean_up, examine, find
from tests.core import made
from tests.experiments.katib_controller import INSUFFICIENT, Ran, Run, katib
from tests.experiments.tuners.test_katib import own, scripted, tuned, tuner

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]


@pytest.fixture
def study() -> Study:
    """Some rows, divided."""
    return Study.of(made.table(60, noise=1.0), made.contract(), folds=3, seed=2)


class Slow:
    """Jobs that take a moment each, and are counted."""

    def __init__(self, seconds: float = 0.4) -> None:
        self.begun = self.together = self.most = 0
        self._seconds, self._lock = seconds, threading.Lock()

    def __call__(self, _: Mapping[str, Any]) -> Ran:
        """Run one."""
        with self._lock:
            self.begun += 1
            self.together += 1
            self.most = max(self.most, self.together)
        time.sleep(self._seconds)
        with self._lock:
            self.together -= 1
        return 0, "roc_auc=0.5\n"


def late(
    cluster: Cluster, settings: StoreSettings, study: Study, folder: Path, seconds: float = 1.0, **options: Any
) -> str:
    """What is said of a search that passes its deadline."""
    wish = SearchOptions(experiment=own(folder, maxTrialCount=12, parallelTrialCount=1))
    with pytest.raises(DataError) as caught:
        tuner(cluster, settings, deadline_seconds=seconds, **options).tune(
            make_plan(wish, "binary"), study, bundle=folder / "b", listener=lambda _: None
        )
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_an_experiment_whose_watcher_leaves_runs_on_to_its_end(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Where nothing is to be deleted it goes on, which is said by the search, by tidying and by the doctor."""
    with katib(cluster, Slow()):
        said = late(cluster, rclone_settings, study, tmp_path, cleanup="never")
        assert re.search(r"must end within 1 s, and \d of its trials have ended by then", said)
        (found,) = cluster.list(EXPERIMENTS)
        name = found["metadata"]["name"]
        goes_on = f"the Experiment {name} goes on"
        stops = f"kubectl -n {cluster.namespace} delete experiment {name} stops it."
        assert goes_on in said
        assert said.endswith(stops)
        left = find(cluster)
        assert (left.orphans, left.watched, len(left.unwatched)) == ([], [], 1)
        assert left.unwatched[0].startswith(goes_on)
        assert left.unwatched[0].endswith(stops)
        (finding,) = examine(cluster)
        assert (finding.state, finding.remedy) == ("note", stops.rstrip("."))
        deadline = time.monotonic() + 60
        while not katib_status.success_reason(cluster.get(EXPERIMENTS, name) or {}):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert len(cluster.list(TRIALS)) == 12
    assert not find(cluster).unwatched


def test_the_claim_on_what_went_on_is_tidied_once_it_has_ended(
    cluster: Cluster,
    rclone_settings: StoreSettings,
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The Experiment stays, as its user wished; one that does not end is never touched, however long it takes."""
    monkeypatch.setenv("HEADRACE_CLAIM_SECONDS", "1")
    with katib(cluster, Slow(0.1)):
        late(cluster, rclone_settings, study, tmp_path, seconds=0.1, cleanup="never")
        time.sleep(1.5)
        deadline = time.monotonic() + 60
        while not (left := find(cluster).orphans):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    (one,) = left
    assert one.effect == "its claim would be taken away"
    assert "has ended, and stays, as its user chose" in clean_up(one)
    assert len(cluster.list(EXPERIMENTS)) == 1
    assert all_leases(cluster) == []


@pytest.mark.parametrize("cleanup", ["succeeded", "always"])
def test_a_search_past_its_deadline_is_stopped(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path, cleanup: str
) -> None:
    """Its Experiment goes with all its trials, no further one begins, and the search says so."""
    slow = Slow()
    with katib(cluster, slow):
        said = late(cluster, rclone_settings, study, tmp_path, cleanup=cleanup)
        assert re.search(r"; the Experiment \S+ was stopped and deleted, with Trials and pods\.$", said)
        begun = slow.begun
        deadline = time.monotonic() + 60
        while cluster.list(TRIALS):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert slow.begun <= begun + 1, "the one that was about to begin"
    assert cluster.list(EXPERIMENTS) == []
    assert all_leases(cluster) == []


def test_where_nobody_looks_after_an_experiment_it_is_stopped_too(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """As where Katib is not installed whole."""
    said = late(cluster, rclone_settings, study, tmp_path, seconds=0.5)
    assert "must end within 0.5 s, and 0 of its trials have ended by then: give it a later deadline" in said
    assert cluster.list(EXPERIMENTS) == []


def of_family(family: str, run: Run, other: Run) -> Run:
    """One way to run for the Jobs of one Experiment, another for all others."""

    def chosen(job: Mapping[str, Any]) -> Ran:
        return (run if family in job["metadata"]["name"].replace("-", "_") else other)(job)

    return chosen


def test_a_failed_experiment_stays_and_the_others_of_its_search_are_stopped(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """What failed is there to be looked at; nothing goes on for a search that has ended."""
    wish = SearchOptions(families=("logistic", "naive_bayes"), budget="8")
    run = of_family("naive_bayes", scripted(1), Slow(1.0))
    both = make_plan(wish, "binary")
    logistic, bayes = both.experiments
    plan = replace(both, experiments=[logistic, replace(bayes, max_failed=1)])
    with katib(cluster, run), pytest.raises(DataError) as caught:
        tuner(cluster, rclone_settings).tune(plan, study, bundle=tmp_path / "b", listener=lambda _: None)
    said = str(caught.value)
    assert "max failed count has reached" in said
    assert re.search(r"; the Experiment logistic-\w+ was stopped and deleted", said)
    (left,) = cluster.list(EXPERIMENTS)
    assert left["metadata"]["name"].startswith("naive-bayes")


def test_trials_that_find_no_room_wait_and_the_search_goes_on(
    cluster: Cluster, rclone_settings: StoreSettings, study: Study, tmp_path: Path
) -> None:
    """Two trials of a processor each on a node of one: the second waits, which only an event says, and none fails."""
    slow = Slow()
    wish = SearchOptions(experiment=own(tmp_path, maxTrialCount=4, parallelTrialCount=2))
    found, _ = tuned(cluster, rclone_settings, study, wish, tmp_path, slow, processors=1)
    assert slow.most == 1
    assert [trial.status for trial in found.trials] == ["succeeded"] * 4
    told = {event["message"] for event in cluster.list(EVENTS) if event["reason"] == "FailedScheduling"}
    assert told == {INSUFFICIENT}
