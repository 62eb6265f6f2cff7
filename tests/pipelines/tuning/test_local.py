"""Searches whose trial is a pipeline, on this machine: each trial is really run, by kfp.local."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.core.evaluation.search_trials import Trial
from headrace.core.runtime.processes import lease, running
from headrace.experiments.search.loop import FailedSearchError
from headrace.experiments.search.result import SearchResult
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.tuners.tune import plan_of
from headrace.pipelines.tuning.local import LocalPipelineTuner
from tests.conftest import headrace
from tests.experiments.trials.test_pipeline_trial import parameter
from tests.pipelines import tiny


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A lease."""
    with lease(tmp_path / "lease") as path:
        yield path


def searched(folder: Path, held: Path, *, made: dict[str, Any], budget: str = "", heard: list[Trial]) -> SearchResult:
    """A search in the folder."""
    trial = pipeline_trial.load(tiny.written(folder, made))
    assert trial is not None
    return LocalPipelineTuner(folder / "searches", held).tune(
        plan_of(trial.experiment, budget_text=budget), trial, folder=folder / "trials", listener=heard.append
    )


def test_each_trial_is_a_run_of_the_pipeline(tmp_path: Path, held: Path) -> None:
    """Scores are what the pipeline reported; each run has a folder of its own."""
    heard: list[Trial] = []
    found = searched(tmp_path, held, made=tiny.document(), heard=heard)
    assert [trial.status for trial in found.trials] == ["succeeded"] * 4
    assert {trial.name for trial in heard} == {"tiny-000", "tiny-001", "tiny-002", "tiny-003"}
    assert found.reason == "MaxTrialsReached"
    for trial in found.trials:
        assert trial.score == pytest.approx(1 - (trial.parameters["x"] - 0.3) ** 2)
        assert trial.metrics["depth"]["latest"] == trial.parameters["depth"]
        home = tmp_path / "trials" / trial.name
        assert json.loads((home / "result.json").read_text())["score"] == trial.score
        assert list(home.glob("steps/tiny-*/measure"))
        assert (home / "logs" / "line.log").stat().st_size > 0
    assert found.best.score == max(trial.score or 0 for trial in found.trials)
    assert not list((tmp_path / "searches").iterdir())


def test_a_trial_that_fails_is_recorded_with_its_steps_sentence(tmp_path: Path, held: Path) -> None:
    """It does not end the search; a pipeline that ends well and reports nothing has no score."""
    made = tiny.document()
    made["spec"]["algorithm"] = {"algorithmName": "grid"}
    made["spec"]["parameters"] = [
        parameter("x", "discrete", list=["0.25"]),
        parameter("kind", "categorical", list=["good", "bad", "worse"]),
        parameter("dirty", "categorical", list=["true", "false"]),
    ]
    made["spec"]["maxTrialCount"] = 6
    found = searched(tmp_path, held, made=made, heard=[])
    by_values = {(trial.parameters["kind"], trial.parameters["dirty"]): trial for trial in found.trials}
    assert by_values["good", "false"] == found.best
    assert by_values["good", "true"].status == "metrics_unavailable"
    assert by_values["bad", "true"].status == by_values["bad", "false"].status == "failed"
    assert by_values["bad", "true"].error == "measure: x must be liked; got 0.25 instead."
    assert by_values["worse", "false"].error == "measure: SystemExit: 3"


def test_what_a_trial_deploys_ends_with_it(tmp_path: Path, held: Path) -> None:
    """Not with the search, which would have a server for each of its trials."""
    made = tiny.document("serving.yaml")
    made["spec"]["parameters"].pop()
    tiny.written(tmp_path, made)
    tiny.compiled(tmp_path / "serving.yaml", tiny.serving)
    found = searched(tmp_path, held, made=made, budget="1", heard=[])
    assert found.best.won
    (endpoint,) = tmp_path.glob("trials/*/steps/*/deploy/endpoint")
    assert not running(json.loads(endpoint.read_text())["pid"])


def test_a_search_without_a_good_trial_keeps_what_there_is(tmp_path: Path, held: Path) -> None:
    """The same search, asked for again, begins anew: what made all trials fail may have been mended."""
    with pytest.raises(FailedSearchError, match="x must be liked") as caught:
        searched(tmp_path, held, made=tiny.document(kind="bad"), budget="2", heard=[])
    assert [trial.status for trial in caught.value.trials] == ["failed", "failed"]
    assert (tmp_path / "trials" / "tiny-000" / "logs" / "line.log").exists()
    assert not list((tmp_path / "searches").iterdir())


def _began(experiment: Path, home: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "headrace.cli.main", "tune", "--experiment", str(experiment)]
    return subprocess.Popen(
        [*command, "--output", str(home), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _running_for(home: Path) -> list[str]:
    """Command lines of all processes that carry the lease of a run in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"HEADRACE_LEASE={home}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended while it was looked at
    return found


def _wait(condition: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing runs on after SIGKILL; finished trials are not run again, and those that were cut off are."""
    marks, home = tmp_path / "marks", tmp_path / "out"
    marks.mkdir()
    experiment = tiny.written(tmp_path, marks=str(marks))
    search = _began(experiment, home)
    journal = home / "searches"
    assert _wait(lambda: any(len(f.read_text().splitlines()) > 2 for f in journal.glob("*.jsonl")), 120)
    search.kill()
    search.communicate()
    assert _wait(lambda: not _running_for(home), 15), _running_for(home)
    assert not (home / "summary.json").exists()
    (kept,) = journal.glob("*.jsonl")
    finished = [json.loads(line)["trial"] for line in kept.read_text().splitlines()[1:]]
    again = headrace("tune", "--experiment", str(experiment), "--output", str(home))
    assert again.returncode == 0, again.stdout + again.stderr
    trials = json.loads((home / "trials.json").read_text())["trials"]
    assert len(trials) == 4
    assert [trials[trial["number"]] for trial in finished] == finished
    runs = {float(path.name): len(path.read_text().splitlines()) for path in marks.iterdir()}
    assert all(runs[trial["parameters"]["x"]] == 1 for trial in finished)
    assert {trial["parameters"]["x"] for trial in trials} == set(runs)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """It waits for no trial, counts none as failed, and leaves no process behind."""
    marks, home = tmp_path / "marks", tmp_path / "out"
    marks.mkdir()
    search = _began(tiny.written(tmp_path, kind="slow", marks=str(marks)), home)
    assert _wait(lambda: len(list(marks.iterdir())) == 2, 120)
    search.send_signal(number)
    out, errors = search.communicate(timeout=30)
    assert search.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], out + errors
    assert _wait(lambda: not _running_for(home), 15), _running_for(home)
    (journal,) = (home / "searches").glob("*.jsonl")
    assert len(journal.read_text().splitlines()) == 1
