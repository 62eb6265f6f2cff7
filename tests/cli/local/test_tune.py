"""``headrace tune`` as a person types it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from headrace.core.bundles.bundle import open_bundle
from tests import fork_server
from tests.conftest import headrace, write_table
from tests.experiments.manifests.test_experiment_yaml import document


def mine(folder: Path, **changes: object) -> Path:
    """An Experiment of one's own."""
    made = document()
    made["spec"]["objective"] = {
        "type": "maximize",
        "objectiveMetricName": "roc_auc",
        "metricStrategies": [{"name": "roc_auc", "value": "latest"}],
    }
    made["spec"].update({"parallelTrialCount": 2, **changes})
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(made))
    return path


def test_help_has_examples() -> None:
    """With both engines."""
    shown = headrace("tune", "--help")
    assert shown.returncode == 0
    assert "--tuner katib" in shown.stdout.split("Examples:")[1]


def test_a_search_ends_with_what_it_is_worth(tmp_path: Path) -> None:
    """Every trial, the best bundle, and the score on rows that the search has not seen; nothing is published."""
    table, home = write_table(tmp_path / "customers.csv", rows=200), tmp_path / "out"
    ended = headrace(
        "tune", str(table), "--target", "churn", "--experiment", str(mine(tmp_path)), "--max-trials", "3", "--nested",
        "--folds", "2", "--output", str(home), "--summary", str(tmp_path / "summary.json"),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    search = summary["search"]
    assert (search["tuner"], search["trials"], search["failed"]) == ("local", 3, 0)
    trials = json.loads((home / "trials.json").read_text())
    assert trials["trials"][trials["best"]]["score"] == search["score"]
    assert trials["nested"]["score"] == search["nested"]
    assert summary["model"]["parameters"] == trials["trials"][trials["best"]]["parameters"]
    assert (summary["model"]["uri"], summary["endpoint"]) == ("", None)
    assert {step["name"]: step["status"] for step in summary["steps"]}["publish"] == "skipped"
    assert open_bundle(Path(search["bundle"])).json("metrics.json")["on"] == "cross-validation"
    assert open_bundle(home / "bundle").json("metrics.json")["on"] == "test"
    assert "it flatters" in ended.stdout
    assert "nested cross-validation" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("Next: ")
    assert not (home / "searches").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--max-trials", "3", "--budget", "5m"), "must not both be given"),
        (("--tuner", "moon"), "--tuner must be local or katib"),
        (("--tuner", "katib"), "set HEADRACE_S3_ENDPOINT"),
        (("--cleanup", "perhaps"), "--cleanup must be always, succeeded or never; got"),
        (("--experiment", "no-such.yaml"), "no-such.yaml"),
        (("--experiment", "linear"), "cannot do a binary task"),
    ],
)
def test_what_cannot_be_searched_is_refused(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    """In one sentence, with exit code 2."""
    table = write_table(tmp_path / "customers.csv", rows=60)
    ended = headrace("tune", str(table), "--target", "churn", *options, "--output", str(tmp_path / "out"))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    (sentence,) = [line for line in ended.stderr.splitlines() if line.startswith("headrace: ")]
    assert says in sentence


@pytest.mark.slow
def test_the_same_command_goes_on_where_a_killed_one_was(tmp_path: Path) -> None:
    """SIGKILL loses no finished trial, whatever else of the run is made anew."""
    table, home = write_table(tmp_path / "customers.csv", rows=300), tmp_path / "out"
    command = ["tune", str(table), "--target", "churn", "--experiment", str(mine(tmp_path)), "--max-trials", "30"]
    command += ["--output", str(home)]
    run = subprocess.Popen(
        [fork_server.python(), "-m", "headrace.cli.main", *command], stdout=subprocess.DEVNULL, env=dict(os.environ)
    )
    deadline = time.monotonic() + 120
    while not any(path.read_bytes().count(b"\n") > 4 for path in home.glob("searches/*.jsonl")):
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    (journal,) = home.glob("searches/*.jsonl")
    kept = [json.loads(line)["trial"] for line in journal.read_bytes().split(b"\n")[1:-1]]
    assert len(kept) >= 3
    ended = headrace(*command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = json.loads((home / "trials.json").read_text())["trials"]
    assert len(trials) == 30
    assert all(trials[one["number"]] == one for one in kept)
    assert not (home / "searches").exists()
