"""``headrace submit``, ``runs``, ``logs`` and ``cancel``, against a real object store.

Kubeflow Pipelines is played (see ``tests.cluster.kfp_server``); what is submitted is really run.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.cli.main import app
from headrace.cluster.api import transport
from headrace.core.base.errors import UserError
from headrace.core.base.settings import StoreSettings
from headrace.pipelines.kubeflow import follow
from headrace.pipelines.local.summary import Summary
from tests import fork_server
from tests.cluster.argo import Play
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.conftest import Line, headrace
from tests.pipelines import tiny
from tests.stores.conftest import rclone_settings

__all__ = ["rclone_settings"]


@pytest.fixture
def server(rclone_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """Kubeflow Pipelines, which this test's commands and its own steps reach, and no Kubernetes."""
    with kubeflow_pipelines(store=rclone_settings, environment=rclone_settings.environment()) as played:
        told = {"HEADRACE_KFP_ENDPOINT": played.address, "KUBECONFIG": "/nowhere", **rclone_settings.environment()}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(follow, "POLL_SECONDS", 0.2)
        yield played


def _words(told: str) -> dict[str, str]:
    """What each step said at its end, by step."""
    rows = [row.partition("✓")[2] for row in told.splitlines() if "✓" in row]
    return {row.split()[0]: row.partition(" s ")[2].strip() for row in rows}


def run(*arguments: str) -> None:
    """Run the command line in this process."""
    app(list(arguments), standalone_mode=False)


def test_a_run_on_kubeflow_leaves_what_a_run_here_leaves(line: Line, server: KfpServer, tmp_path: Path) -> None:
    """The same lines while it runs; the same metrics, model and report in the folder, fetched from the store."""
    home, summary = tmp_path / "out", tmp_path / "summary.json"
    options = {"source": line.table, "target": "churn", "name": "customers", "budget": "3", "publish": "false"}
    ended = headrace(
        "submit",
        "training",
        "--follow",
        *(part for name, value in options.items() for part in ("--argument", f"{name}={value}")),
        "--pipeline-root",
        "s3://headrace/runs",
        "--output",
        str(home),
        "--summary",
        str(summary),
        timeout=900,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    there = Summary.model_validate_json(summary.read_text())
    here = Summary.model_validate_json((line.home / "summary.json").read_text())
    assert there == Summary.model_validate_json((home / "summary.json").read_text())
    assert there.metrics == here.metrics
    assert there.rows == here.rows
    assert there.model is not None
    assert here.model is not None
    assert (there.model.digest, there.model.parameters) == (here.model.digest, here.model.parameters)
    ran = [step.name for step in there.steps if step.status == "succeeded"]  # times are told in whole seconds
    assert set(ran) == {step.name for step in here.steps} - {"publish", "deploy", "verify_endpoint"}
    for name in ("report.html", "profile.html", "contract.yaml", "trials.json", "bundle/manifest.json"):
        assert (home / name).exists(), name
    # The tables stay where they are.
    assert not list(home.glob("steps/**/*.parquet"))
    shown, local = _words(ended.stdout), _words(line.told)
    assert list(shown) == ran
    assert shown.pop("register") == "HEADRACE_REGISTRY is not set"
    assert shown == {step: words for step, words in local.items() if step in shown}


def test_a_step_that_fails_ends_the_command_with_its_sentence(
    server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The API does not say it; what there is lies in the folder of failures."""
    file = tiny.compiled(tmp_path / "tiny.yaml")
    home = tmp_path / "out"
    with pytest.raises(UserError, match=r"measure: x must be liked; got 0\.5 instead\. \(see .*failed\)"):
        run(
            "submit",
            str(file),
            "-f",
            "--argument",
            "x=0.5",
            "--argument",
            "result=r",
            "--argument",
            "kind=bad",
            "-o",
            str(home),
        )
    told = Summary.model_validate_json((home / "failed" / "summary.json").read_text())
    assert (told.status, [(step.name, step.status) for step in told.steps]) == (
        "failed",
        [("measure", "failed"), ("report_metrics", "skipped")],
    )
    facts = json.loads((home / "failed" / "logs" / "run.json").read_text())
    assert facts["state"] == "FAILED"
    assert "✗ measure" in capsys.readouterr().out
    assert server.runs


def test_what_came_from_the_cache_is_said(
    server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its artifacts lie in an earlier run, of which the API knows nothing."""
    server.cached = frozenset({"measure"})
    file = tiny.compiled(tmp_path / "tiny.yaml")
    result = tmp_path / "result.json"
    run("submit", str(file), "-f", "--argument", "x=0.5", "--argument", f"result={result}", "-o", str(tmp_path / "out"))
    out = capsys.readouterr().out
    assert "cached    measure: taken from an earlier run" in out
    assert json.loads(result.read_text())["score"] == 0.96


def test_artifacts_that_cannot_be_fetched_do_not_fail_the_run(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run is what it is; the sentence says what would bring them here."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT")
    file = tiny.compiled(tmp_path / "tiny.yaml")
    result = tmp_path / "result.json"
    run("submit", str(file), "-f", "--argument", "x=0.5", "--argument", f"result={result}", "-o", str(tmp_path / "out"))
    out = capsys.readouterr().out
    assert "artifacts not fetched: the run's artifacts are at minio://mlpipeline/v2/artifacts" in out
    assert "set HEADRACE_S3_ENDPOINT" in out
    assert Summary.model_validate_json((tmp_path / "out" / "summary.json").read_text()).status == "succeeded"


def test_runs_are_listed_read_and_ended(server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By id and by name."""
    run("runs")
    assert "There are no runs" in capsys.readouterr().out
    file = tiny.compiled(tmp_path / "tiny.yaml")
    shared = ["--argument", "result=r", "--argument", "x=0.5"]
    run("submit", str(file), *shared, "--argument", "kind=bad", "--name", "first")
    run("submit", str(file), *shared, "--argument", "kind=slow", "--name", "second")
    out = capsys.readouterr().out
    first, second = (one.facts["run_id"] for one in server.runs.values())
    assert f"headrace cancel {second}" in out
    deadline = time.monotonic() + 180
    while server.runs[first].state != "FAILED" or not server.runs[second].nodes:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    run("runs", "--limit", "5")
    rows = capsys.readouterr().out.splitlines()
    assert [(row.split()[0], row.split()[1], row.split()[-1]) for row in rows[:2]] == [
        (second, "running", "second"),
        (first, "failed", "first"),
    ]
    run("logs", "first", "measure")
    told = capsys.readouterr().out
    assert "== measure (failed)" in told
    assert "headrace: measure failed: x must be liked" in told
    with pytest.raises(UserError, match="has begun the steps measure; got 'train'"):
        run("logs", first, "train")
    run("cancel", "second")
    server.wait()
    run("runs")
    assert f"{second}  canceled" in capsys.readouterr().out
    with pytest.raises(UserError, match="there is no run 'third'"):
        run("cancel", "third")


def _follow(file: Path, home: Path, **arguments: str) -> Summary:
    """Submit a pipeline and follow it; its summary, also if it failed."""
    given = [part for name, value in arguments.items() for part in ("--argument", f"{name}={value}")]
    with contextlib.suppress(UserError):
        run("submit", str(file), "-f", *given, "-o", str(home))
    place = home if (home / "summary.json").exists() else home / "failed"
    return Summary.model_validate_json((place / "summary.json").read_text())


@pytest.mark.parametrize("kept", [True, False])
def test_steps_are_told_though_their_states_stand_still(
    kept: bool, server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a Workflow that was compressed; its nodes tell, or, where nobody has it, what steps left in the store."""
    server.play, server.kept = Play(compressed=True), kept
    result = tmp_path / "result.json"
    told = _follow(tiny.compiled(tmp_path / "tiny.yaml"), tmp_path / "out", x="0.5", result=str(result))
    (found,) = server.runs.values()
    stands = {one["state"] for one in server.run(found.facts["run_id"])["run_details"]["task_details"]}
    assert stands == {"RUNNING", "SUCCEEDED"}  # the drivers have ended
    assert [(step.name, step.status) for step in told.steps] == [
        ("measure", "succeeded"),
        ("report_metrics", "succeeded"),
    ]
    out = capsys.readouterr().out
    assert "✓ measure" in out
    assert "x 0.5, depth 3" in out
    run("logs", found.facts["run_id"])
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("==")]
    assert heads == ["== measure (succeeded)", "== report-metrics (succeeded)"]


def test_what_nobody_knows_is_called_unknown(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that succeeded has no step that was left out, where neither a Workflow nor a store can be asked."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT")
    server.play, server.kept = Play(compressed=True), False
    result = tmp_path / "result.json"
    told = _follow(tiny.compiled(tmp_path / "tiny.yaml"), tmp_path / "out", x="0.5", result=str(result))
    assert told.status == "succeeded"
    assert {step.status for step in told.steps} == {"unknown"}
    assert (
        "unknown   measure, report_metrics: the states that Kubeflow reports no longer change"
        in capsys.readouterr().out
    )


def test_a_condition_that_was_false_has_skipped_its_steps(server: KfpServer, tmp_path: Path) -> None:
    """The one thing that a run that succeeded may have left out, also where states stand still."""
    server.play = Play(compressed=True)
    given = {"x": "0.5", "result": "r", "dirty": "true"}
    told = _follow(tiny.compiled(tmp_path / "tiny.yaml"), tmp_path / "out", **given)
    assert [(step.name, step.status) for step in told.steps] == [
        ("measure", "succeeded"),
        ("report_metrics", "skipped"),
    ]


@pytest.mark.parametrize("notices", [True, False])
def test_a_cancelled_run_is_called_cancelled(
    notices: bool, server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was under way, and whether or not the server looked at it before it had ended."""
    server.notices = notices
    home = tmp_path / "out"

    def cancel() -> None:
        while not any(one.nodes for one in server.runs.values()):
            time.sleep(0.05)
        time.sleep(0.5)
        run("cancel", next(iter(server.runs)))

    canceler = threading.Thread(target=cancel)
    canceler.start()
    file = tiny.compiled(tmp_path / "tiny.yaml")
    shared = ["--argument", "x=0.5", "--argument", "result=r", "--argument", "kind=slow"]
    with pytest.raises(UserError, match=r"the run tiny-.* was cancelled"):
        run("submit", str(file), "-f", *shared, "-o", str(home))
    canceler.join()
    told = Summary.model_validate_json((home / "failed" / "summary.json").read_text())
    assert told.status == "canceled"
    assert [(step.name, step.status) for step in told.steps] == [("measure", "canceled"), ("report_metrics", "skipped")]
    assert "the run was cancelled" in capsys.readouterr().out
    run("runs")
    assert "  canceled  " in capsys.readouterr().out
    with pytest.raises(UserError, match=r"must be under way to be cancelled; tiny-.* has ended, "):
        run("cancel", next(iter(server.runs)))


def test_what_argo_says_is_the_reason_where_nothing_began(server: KfpServer, tmp_path: Path) -> None:
    """Such as an account that is not there, of which the API says nothing."""
    server.refused = 'error looking up service account kubeflow/headrace: serviceaccounts "headrace" not found'
    told = _follow(tiny.compiled(tmp_path / "tiny.yaml"), tmp_path / "out", x="0.5", result="r")
    assert told.status == "failed"
    assert told.error.startswith("the run tiny-")
    assert 'serviceaccounts "headrace" not found' in told.error


def test_logs_come_in_the_order_of_the_pipeline(
    server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the order in which the server tells of steps; what never began is named apart."""
    _follow(tiny.compiled(tmp_path / "tiny.yaml"), tmp_path / "out", x="0.5", result="r", kind="bad")
    capsys.readouterr()
    run("logs", next(iter(server.runs)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "== measure (failed)"
    assert lines[-1] == "Not begun: report-metrics (skipped)"


def test_a_recurring_run_under_way_is_not_killed_in_silence(
    server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on, or is ended first if that is wished; what is said happens."""
    file = tiny.compiled(tmp_path / "tiny.yaml")
    shared = ["--argument", "result=r", "--argument", "x=0.5", "--argument", "kind=slow"]
    run("submit", str(file), *shared, "--name", "hourly", "--every", "1h")
    (hourly,) = server.recurring
    started = server.tick(hourly)
    assert started is not None
    deadline = time.monotonic() + 60
    while not server.runs[started].nodes:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    capsys.readouterr()
    run("cancel", "--recurring", hourly)
    assert "Active runs continue: hourly" in capsys.readouterr().out
    assert server.tick(hourly) is None
    assert (server.runs[started].state, server.runs[started].deleted) == ("RUNNING", False)
    run("cancel", "--recurring", "--with-runs", hourly)
    assert "its active runs are cancelled: hourly" in capsys.readouterr().out
    assert not server.recurring
    assert (server.runs[started].state, server.runs[started].deleted) == ("FAILED", False)


def test_a_recurring_run(server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is made with the version, listed, and deleted."""
    file = tiny.compiled(tmp_path / "tiny.yaml")
    shared = ["--argument", "result=r", "--argument", "x=0.5"]
    run("submit", str(file), *shared, "--name", "nightly", "--cron", "30 2 * * *")
    run("submit", str(file), *shared, "--name", "hourly", "--every", "1h")
    capsys.readouterr()
    nightly, _ = server.recurring
    assert server.recurring[nightly]["trigger"] == {"cron_schedule": {"cron": "0 30 2 * * *"}}
    assert len(server.versions) == 1
    run("runs", "--recurring")
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].endswith("nightly")
    assert "every 3600 s" in rows[1]
    run("cancel", "--recurring", nightly)
    assert [one["display_name"] for one in server.recurring.values()] == ["hourly"]
    assert not server.runs


@pytest.mark.usefixtures("default_signals")
def test_whoever_stops_following_does_not_stop_the_run(server: KfpServer, tmp_path: Path) -> None:
    """Ctrl-C says how to come back, and how to end it."""
    file = tiny.compiled(tmp_path / "tiny.yaml")
    command = [fork_server.python(), "-m", "headrace.cli.main", "submit", str(file), "-f", "-o", str(tmp_path / "out")]
    following = subprocess.Popen(
        [*command, "--argument", "x=0.5", "--argument", "result=r", "--argument", "kind=slow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 120
    while not any(one.nodes for one in server.runs.values()):
        assert time.monotonic() < deadline
        assert following.poll() is None, following.communicate()
        time.sleep(0.1)
    following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=60)
    (run_id,) = server.runs
    assert following.returncode == 130
    assert f"headrace cancel {run_id}" in errors
    assert server.runs[run_id].state == "RUNNING"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nothing"], "there is no file nothing"),
        (["{tiny}"], "must be given result, x too"),
        (["{tiny}", "--argument", "y=1"], "got 'y' instead"),
        (["{tiny}", "--argument", "x=much"], "x of .* must be a number; got 'much'"),
        (["{tiny}", "--argument", "x"], "--argument must be NAME=VALUE"),
        (["{tiny}", "--memory", "4Gi"], "compile it with them"),
        (["training", "--cpu", "lots"], "a number of processors must be like 2 or 500m; got 'lots'"),
        (["training", "--memory", "4 GB"], "an amount of memory must be like"),
        (["training", "--cpu", "1", "--cpu", "2"], "--cpu must be given once for all steps"),
        (["training", "--cpu", "trian=1"], "got 'trian' instead"),
        (["training", "--timeout", "soon"], "a time must be a number and s, m or h"),
        (["training", "--retries", "some"], "a number of retries must be a whole number"),
        (["training", "--toleration", "a:Never"], "a toleration must be KEY"),
        (["training", "--node-selector", "ssd"], "--node-selector must be KEY=VALUE"),
        (["training", "--node-selector", "a b=c"], "a node selector must be KEY=VALUE"),
        (["training", "--every", "1h", "--cron", "0 2 * * *"], "--every or --cron; got both"),
        (["training", "--every", "sometimes"], "a time must be"),
        (["training", "--cron", "daily"], "--cron must have six fields"),
        (["training", "--cron", "0 2 * * *", "--follow"], "a recurring one has no end"),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_what_makes_no_sense_is_refused(
    options: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, and before anything is uploaded."""
    monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", "http://127.0.0.1:9")
    file = tiny.compiled(tmp_path / "tiny.yaml")
    with pytest.raises(UserError, match=says) as caught:
        run("submit", *(option.format(tiny=file) for option in options))
    assert "\n" not in str(caught.value)


def test_a_kubeflow_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command says how to reach it."""
    monkeypatch.setattr(transport, "_PAUSE_SECONDS", 0.01)
    for endpoint, says in (("", "set HEADRACE_KFP_ENDPOINT"), ("http://127.0.0.1:9", "kubectl port-forward")):
        monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", endpoint)
        for command in (["runs"], ["logs", "x"], ["cancel", "x"]):
            with pytest.raises(UserError, match=says):
                run(*command)
