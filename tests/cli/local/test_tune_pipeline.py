"""``headrace tune`` for an Experiment whose trial is a pipeline."""

import json
from pathlib import Path

import pytest

from headrace.cli.local.demo import write_demo_table
from headrace.cli.main import app
from headrace.core.base.errors import UserError
from headrace.pipelines.local.summary import Summary
from tests.conftest import headrace
from tests.pipelines import tiny


def test_the_shipped_example_is_searched(tmp_path: Path) -> None:
    """A real table goes through the whole line in each trial; the best F1 is that of a real model."""
    table, home = tmp_path / "tumours.csv", tmp_path / "out"
    write_demo_table(table)
    summary = tmp_path / "summary.json"
    ended = headrace(
        "tune",
        "--experiment",
        "trial",
        "--argument",
        f"source={table}",
        "--max-trials",
        "2",
        "--output",
        str(home),
        "--summary",
        str(summary),
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "trial 2 of 2" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("Next: ")
    found = json.loads((home / "trials.json").read_text())
    assert (found["tuner"], found["experiments"], found["reason"]) == ("local", ["trial"], "MaxTrialsReached")
    best = found["trials"][found["best"]]
    assert best["score"] > 0.8
    assert set(best["metrics"]) == {"f1", "recall", "precision"}
    assert set(best["parameters"]) == {"family", "cost_false_negative"}
    home_of_best = home / "trials" / best["name"]
    evaluation = json.loads(next(home_of_best.glob("steps/*/evaluate/evaluation")).read_text())
    assert evaluation["metrics"]["f1"]["value"] == best["score"]
    told = Summary.model_validate_json(summary.read_text())
    assert told == Summary.model_validate_json((home / "summary.json").read_text())
    assert told.search is not None
    assert (told.status, told.search.metric, told.search.score) == ("succeeded", "f1", best["score"])


def test_a_search_that_finds_nothing_says_why(tmp_path: Path) -> None:
    """Exit code 2, the sentence of the step, and what there is in the folder of failures."""
    home = tmp_path / "out"
    experiment = tiny.written(tmp_path, kind="bad")
    ended = headrace("tune", "--experiment", str(experiment), "--budget", "1", "--output", str(home))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "x must be liked" in ended.stderr
    assert ended.stderr.count("\n") == 1
    failed = home / "failed"
    assert json.loads((failed / "trials.json").read_text())["trials"][0]["status"] == "failed"
    assert Summary.model_validate_json((failed / "summary.json").read_text()).status == "failed"
    assert not (home / "summary.json").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "TABLE and --target must be given, or --experiment"),
        (["--experiment", "{model}"], "a trial of the Experiment 'logistic' fits a model"),
        (["--experiment", "{tiny}", "--folds", "3"], "--folds is about a table"),
        (["--experiment", "{tiny}", "--target", "y"], "--target is about a table"),
        (["--experiment", "{tiny}", "--argument", "kind"], "--argument must be NAME=VALUE"),
        (["--experiment", "{tiny}", "--argument", "kind=a", "--argument", "kind=b"], "once; got kind twice"),
        (["--experiment", "{tiny}", "--argument", "depth=3"], "'depth' is searched by tiny"),
        (["--experiment", "{tiny}", "--argument", "dirty=maybe"], "dirty of .* must be true or false"),
        (["--experiment", "{tiny}", "--budget", "many"], "--budget must be"),
        (["--experiment", "{tiny}", "--tuner", "mars"], "must be run on local or katib"),
        (["--experiment", "{tiny}", "--tuner", "katib"], "needs an object store"),
        (["--experiment", "no.yaml"], r"there is no file no\.yaml"),
        (["t.csv", "--target", "y", "--argument", "kind=a"], "--argument must not"),
        (["t.csv"], "--target must name the column to predict"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, as the user's mistake, and before anything is written."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    places = {"model": "logistic", "tiny": str(tiny.written(tmp_path))}
    home = tmp_path / "out"
    filled = [option.format(**places) for option in options]
    with pytest.raises(UserError, match=says) as caught:
        app(["tune", *filled, "--output", str(home)], standalone_mode=False)
    assert "\n" not in str(caught.value)
    assert not (home / "summary.json").exists()
