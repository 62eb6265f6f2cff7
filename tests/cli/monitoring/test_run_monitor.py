"""``headrace monitor MODEL STORE``."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3

from headrace.cli.monitoring import run_monitor
from headrace.cli.monitoring.pumps import PumpWeek
from headrace.core.base.errors import MissingError, StoreError
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.monitoring.resources.window_resources import ResourceSource
from headrace.stores.objects.open_objects import open_objects
from tests.conftest import headrace
from tests.monitoring.monitors.pump_store import pump_bundle, store_week

_WEEK = "format: 1\nwindow: week\nmonitors:\n  missing: {}\n  input_drift: {}\nretraining: {at_least_every_days: 0}\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a policy and a store that holds a quiet week and one with a silent sensor."""
    (tmp_path / "monitoring.yaml").write_text(_WEEK)
    place = open_objects(str(tmp_path / "store"))
    store_week(place, PumpWeek(1))
    store_week(place, PumpWeek(2, share_without_pressure=0.97))
    return tmp_path


def _arguments(home: Path, week: int) -> list[str]:
    end, started = (PumpWeek(number).start.isoformat() for number in (week + 1, 0))
    policy = str(home / "monitoring.yaml")
    return [str(pump_bundle().folder), str(home / "store"), "--policy", policy, "--at", end, "--trained", started]


def test_a_window_is_reported_and_decided_about(home: Path) -> None:
    """The report and the decision stand in the store, in a document and on a page."""
    done = headrace(
        "monitor", *_arguments(home, 1), "--page", str(home / "monitor.html"), "--summary", str(home / "summary.json")
    )
    assert done.returncode == 0, done.stderr
    assert "300 rows, 0 new labels; 0 violated, 0 data faults" in done.stdout
    assert "Decision: nothing." in done.stdout
    assert "All is well." in (home / "monitor.html").read_text()
    document = json.loads((home / "summary.json").read_text())
    assert document["report"]["rows"] == 300
    assert document["decision"]["outcome"] == "nothing"


def test_a_single_run_leaves_its_gauges_in_a_file(home: Path) -> None:
    """For the textfile collector of Prometheus' node exporter."""
    path = home / "headrace.prom"
    done = headrace("monitor", *_arguments(home, 2), "--gauges", str(path))
    assert done.returncode == 0, done.stderr
    assert 'headrace_monitor_decision{decision="stop",model="customers"} 1.0' in path.read_text()


def test_the_exit_code_can_say_that_something_was_decided(home: Path) -> None:
    """A scheduler without eyes learns it by --exit-code."""
    done = headrace("monitor", *_arguments(home, 2), "--exit-code")
    assert done.returncode == 3
    assert "Decision: stop." in done.stdout
    assert "'pressure'" in done.stdout
    assert headrace("monitor", "run", *_arguments(home, 1), "--exit-code").returncode == 0


def test_another_policy_on_a_decided_window_is_told(home: Path) -> None:
    """The decision stands, and the sentence says from when the new policy decides."""
    first = headrace("monitor", *_arguments(home, 1))
    assert "by another policy" not in first.stdout
    (home / "monitoring.yaml").write_text(_WEEK + "cool_down_days: 3\n")
    again = headrace("monitor", *_arguments(home, 1))
    assert "This window was decided at 2025-01-20T00:00:00Z by another policy" in again.stdout
    assert "decides from the next window on, which ends at 2025-01-27T00:00:00Z" in again.stdout
    decided = headrace("monitor", "decide", *_arguments(home, 1))
    assert "by another policy" in decided.stdout
    summary = [line for line in first.stdout.splitlines() if "Decision:" in line]
    assert summary == [line for line in again.stdout.splitlines() if "Decision:" in line]


def test_a_date_is_a_moment(home: Path) -> None:
    """The midnight in UTC with which a window ends."""
    arguments = _arguments(home, 1)
    arguments[arguments.index("--at") + 1] = "2025-01-20"
    arguments[arguments.index("--trained") + 1] = "2025-01-06"
    done = headrace("monitor", *arguments)
    assert done.returncode == 0, done.stderr
    assert "2025-01-13T00:00:00Z to 2025-01-20T00:00:00Z: 300 rows" in done.stdout


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_an_address_of_notices_is_refused_before_anything_runs(
    home: Path, follow: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scheme is named, and nothing that may be a secret; a monitor that follows does not go on either."""
    monkeypatch.setenv("HEADRACE_NOTICE_ADDRESSES", "json://127.0.0.1:9/hook nosuch://token-9c1f/token-77")
    arguments = _arguments(home, 1)
    if follow:
        place = arguments.index("--at")
        arguments = [*arguments[:place], *arguments[place + 2 :], *follow]
    done = headrace("monitor", *arguments)
    assert done.returncode == 2
    assert "address 2 of HEADRACE_NOTICE_ADDRESSES must be a URL that Apprise knows" in done.stderr
    assert "it begins with nosuch://" in done.stderr
    assert "token" not in done.stderr
    assert not list((home / "store").glob("*/reports/*"))


def test_a_shadow_is_named_beside_the_version_in_service(home: Path) -> None:
    """A version that answers nobody is scored on the same rows: one line, and a part of the document."""
    made = headrace("baseline", str(pump_bundle().folder), "-o", str(home / "baseline"))
    assert made.returncode == 0, made.stderr
    assert "it answers every row with {'label': 'no'" in made.stdout
    (home / "monitoring.yaml").write_text(_WEEK.replace("missing: {}", "missing: {}\n  estimated_performance: {}"))
    summary = home / "summary.json"
    done = headrace("monitor", *_arguments(home, 1), "--shadow", str(home / "baseline"), "--summary", str(summary))
    assert done.returncode == 0, done.stderr
    (shadow,) = json.loads(summary.read_text())["report"]["shadows"]
    assert f"Shadow {shadow['digest'][:12]}, 300 rows, 0 new labels: " in done.stdout
    assert "estimated (" in done.stdout
    assert " in service)." in done.stdout


def test_what_comes_next_is_the_command_that_carries_it_out(home: Path) -> None:
    """A decision to pull the version out names headrace pull-out."""
    (home / "monitoring.yaml").write_text(
        "format: 1\nwindow: week\nviolated_windows: 1\nconsidered_windows: 1\n"
        "monitors: {input_drift: {action: roll_back}}\nretraining: {at_least_every_days: 0}\n"
    )
    store_week(open_objects(str(home / "store")), PumpWeek(3, warming=12))
    done = headrace("monitor", *_arguments(home, 3))
    assert done.returncode == 0, done.stderr
    assert "Decision: roll back." in done.stdout
    assert f"Next: headrace pull-out {pump_bundle().folder} {home / 'store'}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "store"], "there is no folder nowhere"),
        (["MODEL", "store", "--at", "yesterday"], "a moment must be such as 2026-03-01T00:00:00Z"),
        (["MODEL", "store", "--policy", "absent.yaml"], "there is no monitoring policy absent.yaml"),
        (["MODEL", "store", "--gauges", "127.0.0.1:0"], "add --follow"),
        (["MODEL", "store", "--earlier", "MODEL"], "--earlier is for the page: add --page"),
        (["MODEL", "store", "--server", "e:8", "--name", "x"], "add --prometheus"),
        (["MODEL", "store", "--follow", "--at", "2026-03-01T00:00:00Z"], "leave out --at"),
        (["MODEL", "store", "--at", "2999-01-01T00:00:00Z"], "lies in the future"),
        (["MODEL", "elsewhere", "--trained", "2025-01-06T00:00:00Z"], "must hold rows of customers to be monitored"),
        (["MODEL", "ftp://store"], "a store must be a folder or s3://BUCKET/PREFIX"),
        (["MODEL", "store", "--prometheus", "http://p:9", "--server", "http://e:8"], "name one of them"),
        (["MODEL", "store"], "it must be known when customers"),
        (["MODEL", "store", "--retrain-option", "--old=t.csv"], "add --retrain"),
        (["MODEL", "store", "--retrain", "--retrain-option", "--no-such-option"], "No such option: --no-such-option"),
    ],
)
def test_a_mistake_is_one_sentence(home: Path, arguments: list[str], sentence: str) -> None:
    """It names what was expected, and nothing is written."""
    places = {"MODEL": str(pump_bundle().folder), "store": str(home / "store")}
    given = [places.get(one, one) for one in arguments]
    done = headrace("monitor", *given)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((home / "store").glob("*/decisions/*"))


def test_a_prometheus_that_is_down_is_unknown_and_never_well(home: Path) -> None:
    """The report says what is not known, and the decision names it."""
    policy = _WEEK.replace("  missing: {}", "  missing: {}\n  availability: {minimum: 0.9}")
    (home / "monitoring.yaml").write_text(policy)
    done = headrace("monitor", *_arguments(home, 1), "--prometheus", "http://127.0.0.1:9")
    assert done.returncode == 0
    assert "1 unknown. Decision: nothing." in done.stdout
    assert "Not known: availability has no result." in done.stdout


def test_what_is_violated_is_printed_when_nothing_is_decided(home: Path) -> None:
    """One window of three is not enough for an action, and still what was seen is said."""
    (home / "monitoring.yaml").write_text(_WEEK + "violated_windows: 3\nconsidered_windows: 3\n")
    store_week(open_objects(str(home / "store")), PumpWeek(4, warming=12, rows=600))
    done = headrace("monitor", *_arguments(home, 4))
    assert "Decision: nothing." in done.stdout
    assert "In this window: 'temperature' has changed since training" in done.stdout


def test_following_serves_gauges_until_a_signal(home: Path, default_signals: None) -> None:
    """The last window is reported at once; SIGTERM ends the wait for the next one."""
    arguments = _arguments(home, 1)
    following = [*arguments[: arguments.index("--at")], *arguments[arguments.index("--trained") :]]
    command = [sys.executable, "-m", "headrace.cli.main", "monitor", *following, "--follow", "--gauges", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("Gauges: http://127.0.0.1:")
            assert "rows" in process.stdout.readline()
            end, text = time.monotonic() + 20, ""
            while 'model="customers"' not in text and time.monotonic() < end:
                text = urllib3.request("GET", first.split()[1]).data.decode()
            assert "headrace_monitor_status{" in text
            assert 'model="customers"' in text
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


_DUE = """\
format: 1
window: week
monitors:
  missing: {}
cool_down_days: 1
retraining: {at_least_every_days: 5, at_most_every_days: 1}
"""


def test_a_retraining_that_fails_does_not_end_the_monitor(home: Path, default_signals: None) -> None:
    """No label has come, so there is nothing to train on: that is said, and the monitor waits for the next window."""
    (home / "monitoring.yaml").write_text(_DUE)
    arguments = _arguments(home, 1)
    following = [*arguments[: arguments.index("--at")], *arguments[arguments.index("--trained") :]]
    command = [sys.executable, "-m", "headrace.cli.main", "monitor", *following, "--follow", "--retrain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            said = [
                next(line for line in lines if word in line) for word in ("Decision: retrain", "Retraining: headrace")
            ]
            refused = next(line for line in lines if "refused" in line)
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert f"retrain --policy={home / 'monitoring.yaml'} --" in said[1]
    assert "nothing was trained" in refused


def test_a_retraining_that_is_due_is_run_by_a_single_report_too(home: Path) -> None:
    """Its exit code is the retraining's; one that waits for a person is not started, and the next step is said."""
    (home / "monitoring.yaml").write_text(_DUE)
    done = headrace("monitor", *_arguments(home, 1), "--retrain")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "must hold rows of customers whose labels have come" in done.stdout
    store_week(open_objects(str(home / "store")), PumpWeek(4))
    (home / "monitoring.yaml").write_text(f"{_DUE}approve: [retrain]\n")
    waiting = headrace("monitor", *_arguments(home, 4), "--retrain")
    assert waiting.returncode == 0, waiting.stdout + waiting.stderr
    assert "Decision: retrain, which waits for a person." in waiting.stdout
    assert "Retraining:" not in waiting.stdout
    assert "Next: headrace retrain" in waiting.stdout


def test_broken_data_start_no_retraining(home: Path) -> None:
    """However overdue it is."""
    (home / "monitoring.yaml").write_text(_DUE)
    done = headrace("monitor", *_arguments(home, 2), "--retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Decision: stop." in done.stdout
    assert "Retraining:" not in done.stdout


def test_a_failure_is_reported_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], default_signals: None
) -> None:
    """Whatever fails outside of the monitor, its pod goes on, and its log is not filled with one sentence."""
    monkeypatch.setattr(run_monitor, "_RETRY_SECONDS", 0.01)
    moments: list[datetime] = []

    def look(now: datetime) -> Any:
        moments.append(now)
        if len(moments) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
            raise StoreError("the registry is down.")
        raise MissingError("there is no model pumps.")

    run_monitor._follow(look, MonitoringPolicy(), ResourceSource("pumps"), gauges="", retraining=None)
    assert len(moments) == 4
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(".")[0] for line in told] == [
        "headrace: there is no model pumps",
        "headrace: the registry is down",
    ]
