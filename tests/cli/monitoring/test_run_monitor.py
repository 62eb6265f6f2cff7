"""``headrace monitor MODEL STORE``."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from headrace.cli.monitoring.pumps import PumpWeek
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


def test_the_exit_code_can_say_that_something_was_decided(home: Path) -> None:
    """A scheduler without eyes learns it by --exit-code."""
    done = headrace("monitor", *_arguments(home, 2), "--exit-code")
    assert done.returncode == 3
    assert "Decision: stop." in done.stdout
    assert "'pressure'" in done.stdout
    assert headrace("monitor", "run", *_arguments(home, 1), "--exit-code").returncode == 0


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
        (["MODEL", "store", "--follow", "--at", "2026-03-01T00:00:00Z"], "leave out --at"),
        (["MODEL", "store", "--at", "2999-01-01T00:00:00Z"], "lies in the future"),
        (["MODEL", "elsewhere", "--trained", "2025-01-06T00:00:00Z"], "must hold rows of customers to be monitored"),
        (["MODEL", "ftp://store"], "a store must be a folder or s3://BUCKET/PREFIX"),
        (["MODEL", "store", "--prometheus", "http://p:9", "--server", "http://e:8"], "name one of them"),
        (["MODEL", "store"], "it must be known when customers"),
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
