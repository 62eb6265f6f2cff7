"""The provider inside a real Airflow 3.3: scheduler, API server, DAG processor and triggerer, with SQLite.

Kubeflow Pipelines is played (see ``tests.cluster.kfp_server``); everything else is real.
"""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace_provider.airflow_api import AirflowApi, AirflowApiError
from headrace_provider.program import program_of
from tests.integrations.airflow.conftest import TOKEN, Place, running, table
from tests.real.airflow_parts import PASSWORD, USER

pytestmark = pytest.mark.airflow
ENDED = ("success", "failed")
# Followed by the worker, and by the triggerer.
WAYS = [pytest.param("kubeflow_here", marks=pytest.mark.exhaustive), "kubeflow_deferred"]


def until(is_true: Callable[[], Any], seconds: float = 90) -> Any:
    """Wait for something; return it."""
    deadline = time.monotonic() + seconds
    while not (found := is_true()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def xcoms(place: Place, path: str, task: str) -> dict[str, Any]:
    """All that a task left, by key."""
    listed = place.airflow.got("GET", f"{path}/taskInstances/{task}/xcomEntries")["xcom_entries"]
    base = f"{path}/taskInstances/{task}/xcomEntries"
    return {one["key"]: place.airflow.got("GET", f"{base}/{one['key']}")["value"] for one in listed}


def process_of(place: Place, topic: Path) -> int:
    """The Headrace that waits for a topic."""
    return until(lambda: [one for one in running(f"{topic}\0--from-beginning") if _is_python(one)])[0]


def _is_python(process: int) -> bool:
    return b"-m\0headrace.cli.main" in Path(f"/proc/{process}/cmdline").read_bytes().split(b'exit"')[-1][:200]


def test_the_examples_are_read_without_an_error(place: Place) -> None:
    """Airflow's own parser takes all of them, and its form of a connection has the provider's fields."""
    for dag in ("ingestion", "training", "monitoring", "deployment", "kubeflow"):
        place.airflow.wait(f"/dags/headrace_{dag}", [f"headrace_{dag}"], key="dag_id")
    assert place.airflow.got("GET", "/importErrors")["import_errors"] == []
    kinds = place.airflow.got("GET", "/connections/hook_meta", version="/ui")
    (form,) = [kind for kind in kinds if kind["connection_type"] == "headrace"]
    assert form["extra_fields"]["s3_secret_key"]["schema"]["format"] == "password"
    tested = place.airflow.got("POST", "/connections/test", _connection(place))
    assert tested["status"], tested
    assert re.fullmatch(r"headrace \S+; http://127.0.0.1:\d+ answers", tested["message"])
    refused = place.airflow.got("POST", "/connections/test", {**_connection(place), "password": "another"})
    assert not refused["status"]
    assert "does not know the credentials" in refused["message"]


def _connection(place: Place) -> dict[str, Any]:
    told = json.loads(place.airflow.variables["AIRFLOW_CONN_HEADRACE_DEFAULT"])
    given = {"connection_id": "headrace_form", "conn_type": "headrace", "password": told["password"]}
    return {**given, "extra": json.dumps(told["extra"])}


def test_a_task_whose_process_is_killed_follows_its_headrace_in_the_next_try(place: Place) -> None:
    """By kill -9: one Headrace, two tries, the result of the first start; addresses alone in XComs."""
    topic = place.topic("killed")
    path = place.trigger("waits", topic=topic.name)
    headrace = process_of(place, topic)
    until(lambda: "headrace tail" in place.airflow.task_log("waits"))
    task = int(Path(f"/proc/{_group_of_task(headrace)}").name)
    os.kill(task, signal.SIGKILL)
    until(lambda: "this try follows it" in place.airflow.task_log("waits"))
    assert process_of(place, topic) == headrace
    place.end(topic)
    assert place.airflow.wait(path, ENDED)["state"] == "success"
    assert place.airflow.task_log("waits").count("] headrace tail") <= 1
    assert xcoms(place, path, "tail") == {"topic": "killed", "return_value": {"topic": "killed"}}


def _group_of_task(headrace: int) -> int:
    """The task's process: the parent of the shell that waits for Headrace."""
    shell = _parent(headrace)
    return _parent(shell)


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.exhaustive
def test_a_worker_that_is_killed_loses_no_run(place: Place) -> None:
    """The scheduler with all its workers dies by kill -9; another one finds out, and its try follows the Headrace."""
    topic = place.topic("worker")
    path = place.trigger("waits", topic=topic.name)
    headrace = process_of(place, topic)
    place.airflow.stop("scheduler", number=signal.SIGKILL)
    place.airflow.start("scheduler")
    place.airflow.wait(f"{path}/taskInstances/tail", [2], key="try_number")
    assert process_of(place, topic) == headrace
    place.end(topic)
    assert place.airflow.wait(path, ENDED)["state"] == "success"


def test_a_task_that_is_cleared_ends_its_headrace(place: Place) -> None:
    """And starts a new one, which ends when the task is marked as failed."""
    topic = place.topic("cleared")
    path = place.trigger("waits", topic=topic.name)
    first = process_of(place, topic)
    run = path.rpartition("/")[2]
    clear = {"dry_run": False, "only_failed": False, "dag_run_id": run, "task_ids": ["tail"]}
    place.airflow.got("POST", "/dags/waits/clearTaskInstances", clear)
    until(lambda: first not in running(str(topic)))
    second = until(lambda: process_of(place, topic))
    own = Path(f"/proc/{second}/cwd").readlink()
    assert second != first
    place.airflow.got("PATCH", f"{path}/taskInstances/tail", {"new_state": "failed"})
    until(lambda: not running(str(topic)))
    assert place.airflow.wait(path, ENDED)["state"] == "failed"
    until(lambda: not (own / "lock").exists())


def test_events_that_are_merged_are_handled_once_each(place: Place) -> None:
    """Behaviour: events that come before the scheduler looks become one run. Version: Airflow 3.3.2."""
    tables = [table(place.folder / "merged" / f"{name}.csv") for name in "abc"]
    place.airflow.stop("scheduler")
    try:
        for one in tables:
            assert place.api.send_event("s3://test/tables", extra={"address": str(one)}, seconds=0) == []
        with pytest.raises(
            AirflowApiError, match=r"was taken, and no run of events has begun within 1 s: is Airflow's"
        ):
            place.api.send_event("test_tables", extra={"address": str(tables[0])}, seconds=1)
    finally:
        place.airflow.start("scheduler")
    found = until(lambda: place.airflow.got("GET", "/dags/events/dagRuns")["dag_runs"])
    for run in found:
        place.airflow.wait(f"/dags/events/dagRuns/{run['dag_run_id']}", ["success"])
    runs = place.airflow.got("GET", "/dags/events/dagRuns")["dag_runs"]
    added = place.airflow.task_log("events").count("headrace catalog add")
    events = place.airflow.got("GET", "/assets/events?uri=x&order_by=timestamp")["asset_events"]
    assert len([event for event in events if event["uri"] == "s3://test/tables"]) == 4
    assert (len(runs), added) == (1, 3)


@pytest.mark.exhaustive
def test_training_on_an_event_and_deployment_after_approval(place: Place) -> None:
    """The examples: a table's event trains a model; a person approves of it; the registry knows who and why."""
    place.airflow.unpause("headrace_training")
    place.airflow.unpause("headrace_deployment")
    where = place.folder / "lake" / "2026-01-01.csv"
    (run,) = place.api.send_event("headrace_example_tables", extra={"address": str(where)}, seconds=150)
    path = "/dags/headrace_training/dagRuns/" + run.partition("/")[2]
    assert place.airflow.wait(path, ENDED, seconds=240)["state"] == "success"
    left = place.airflow.got("GET", f"{path}/taskInstances/train/xcomEntries/return_value?map_index=0")["value"]
    assert Path(left["bundle"], "manifest.json").exists()
    deployment = place.trigger("headrace_deployment", report=left["report"])
    task = f"{deployment}/taskInstances/approval"
    place.airflow.wait(task, ["awaiting_input", "deferred"])
    # Behaviour: if the answer comes within a second, before the scheduler knows that the worker has ended, it takes the
    # task for lost, and the task fails. Version: Airflow 3.3.2 with the LocalExecutor.
    until(lambda: re.search("Received executor event.*task_id='approval'", place.airflow.part_log("scheduler")))
    answer = {"chosen_options": ["Approve"], "params_input": {"reason": "read the report"}}
    place.airflow.got("PATCH", f"{task}/-1/hitlDetails", answer)
    # There is no cluster here: the approval is recorded, and the deployment says what it lacks.
    assert place.airflow.wait(deployment, ENDED)["state"] == "failed"
    states = {
        one["task_id"]: one["state"]
        for one in place.airflow.got("GET", f"{deployment}/taskInstances")["task_instances"]
    }
    assert states == {"approval": "success", "approve": "success", "deploy": "failed"}
    place.airflow.got("PATCH", "/dags/headrace_training", {"is_paused": True})
    assert "a model on KServe comes from an object store" in place.airflow.task_log("headrace_deployment")
    told = json.loads(place.airflow.variables["AIRFLOW_CONN_HEADRACE_DEFAULT"])["extra"]
    history = program_of(told, "", os.environ).run("registry", "history", "m-2026-01-01")
    assert re.search("admin approved.*read the report", " ".join(history.split()))


@pytest.mark.exhaustive
def test_a_backfill_takes_the_table_of_each_day(place: Place) -> None:
    """The example of ingestion, for days that are past; each run emits an event with its own address."""
    place.airflow.unpause("headrace_ingestion")
    days = {"from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-03T00:00:00Z"}
    # Behaviour: on SQLite a backfill is refused with 503 while somebody else writes. Version: Airflow 3.3.2.
    wanted = {"dag_id": "headrace_ingestion", **days}
    until(lambda: place.airflow.ask("POST", "/backfills", wanted)[0] == 200)
    listed = "/dags/headrace_ingestion/dagRuns?run_type=backfill"
    until(lambda: [run["state"] for run in place.airflow.got("GET", listed)["dag_runs"]] == ["success"] * 3, 120)
    events = place.airflow.got("GET", "/assets/events?order_by=timestamp")["asset_events"]
    addresses = [event["extra"]["address"] for event in events if event["source_dag_id"] == "headrace_ingestion"]
    assert sorted(addresses) == [str(place.folder / "lake" / f"2026-01-0{day}.csv") for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("dag", "sentence"),
    [
        ("fails", r"ingest: there is no file \S+no\.csv"),
        ("nowhere", r"/nowhere/headrace cannot be started \(No such file or directory\)"),
    ],
)
def test_what_headrace_says_is_the_error_of_the_task(place: Place, dag: str, sentence: str) -> None:
    """Its one sentence, whether it fails or is not there at all."""
    path = place.trigger(dag)
    assert place.airflow.wait(path, ENDED)["state"] == "failed"
    assert re.search(f"AirflowException.{{0,80}}{sentence}", place.airflow.task_log(dag))


def test_a_request_of_which_nothing_would_follow_is_refused(place: Place) -> None:
    """Airflow takes runs of paused DAGs, and events for them, with 200; the client does not."""
    with pytest.raises(AirflowApiError, match=r"the DAG paused of .* is paused: no run of it would begin"):
        place.trigger("paused")
    with pytest.raises(AirflowApiError, match=r"the DAG later of .* is paused"):
        place.api.send_event("test_later", extra={})
    with pytest.raises(AirflowApiError, match="must have the DAG deleted; it has none of that name"):
        place.trigger("deleted")
    with pytest.raises(AirflowApiError, match="must have the asset s3://test/none; no DAG there names it"):
        place.api.send_event("s3://test/none", extra={})
    with pytest.raises(AirflowApiError, match=r"refuses the user admin \(401\)"):
        AirflowApi(place.airflow.url, USER, "another word").trigger("fails", conf={})
    with pytest.raises(AirflowApiError, match=r"refuses the token \(403\)"):
        AirflowApi(place.airflow.url, token="none").trigger("fails", conf={})
    date = "2026-02-01T00:00:00Z"
    place.api.trigger("nowhere", conf={}, logical_date=date)
    with pytest.raises(AirflowApiError, match="with 409"):
        place.api.trigger("nowhere", conf={}, logical_date=date)
    assert PASSWORD not in repr(place.api)


@pytest.mark.exhaustive
def test_a_dag_that_was_deleted_is_told(place: Place) -> None:
    """Its file is gone, though Airflow still knows it for a while."""
    (place.airflow.dags / "gone.py").write_text(
        'from airflow.sdk import DAG\nwith DAG("gone", schedule=None):\n    pass\n'
    )
    place.airflow.unpause("gone")
    (place.airflow.dags / "gone.py").unlink()
    until(lambda: place.airflow.got("GET", "/dags/gone")["is_stale"], 120)
    with pytest.raises(AirflowApiError, match="the file of the DAG gone is gone from"):
        place.trigger("gone")


@pytest.mark.parametrize("dag", WAYS)
def test_a_run_on_kubeflow_is_followed_to_its_end(place: Place, dag: str) -> None:
    """By the worker or by the triggerer; the token is in no log and no XCom."""
    path = place.trigger(dag, kind="good")
    assert place.airflow.wait(path, ENDED)["state"] == "success"
    run = xcoms(place, path, "tiny")["return_value"]
    assert place.kubeflow.runs[run["run_id"]].facts["display_name"] == run["name"]
    assert run["kfp_endpoint"] == place.kubeflow.address
    everything = "".join(path.read_text(errors="replace") for path in place.airflow.home.rglob("*.log"))
    assert TOKEN not in everything


@pytest.mark.exhaustive
@pytest.mark.parametrize("dag", WAYS)
def test_a_run_on_kubeflow_that_fails_is_the_error_of_the_task(place: Place, dag: str) -> None:
    """Kubeflow does not tell why; where a step's log can be read, that is told (tests/cli/cluster/test_submit.py)."""
    failed = place.trigger(dag, kind="bad")
    assert place.airflow.wait(failed, ENDED)["state"] == "failed"
    assert '"exc_value":"measure: the cluster does not say why' in place.airflow.task_log(dag)


@pytest.mark.parametrize("dag", WAYS)
def test_a_run_on_kubeflow_is_cancelled_when_its_task_is_marked(place: Place, dag: str) -> None:
    """By the worker or by the triggerer."""
    before = set(place.kubeflow.runs)
    path = place.trigger(dag, kind="slow")
    (run,) = until(lambda: set(place.kubeflow.runs) - before)
    wanted = ["running"] if dag == "kubeflow_here" else ["deferred"]
    place.airflow.wait(f"{path}/taskInstances/tiny", wanted)
    # What is marked before the triggerer has begun with it, Airflow tells to nobody: the next try would end the run.
    until(lambda: "running" in place.airflow.task_log(dag, path.rpartition("/")[2]))
    place.airflow.got("PATCH", f"{path}/taskInstances/tiny", {"new_state": "failed"})
    until(lambda: place.kubeflow.runs[run].stopped)


def test_a_run_on_kubeflow_that_nobody_begins_with_is_an_error(place: Place) -> None:
    """Within ``start_timeout``, with what stands in its way; it is cancelled, so that it does not begin later."""
    place.kubeflow.stuck = {"measure": "Unschedulable: 0/3 nodes are available"}
    before = set(place.kubeflow.runs)
    try:
        path = place.trigger("kubeflow_deferred", kind="good")
        place.airflow.wait(f"{path}/taskInstances/tiny", ["up_for_retry", "failed"])
        first = until(lambda: set(place.kubeflow.runs) - before).pop()
        until(lambda: place.kubeflow.runs[first].stopped)
        assert re.search(
            r"was not begun within 10 s: measure: .*0/3 nodes", place.airflow.task_log("kubeflow_deferred")
        )
        watched = place.trigger("kubeflow_watched", run=first)
        assert place.airflow.wait(watched, ENDED)["state"] == "failed"
    finally:
        place.kubeflow.stuck = {}
    place.airflow.wait(path, ENDED)


@pytest.mark.exhaustive
def test_a_lost_worker_starts_no_second_run_on_kubeflow(place: Place) -> None:
    """The next try finds the run by the name that was stored before it was started."""
    before = set(place.kubeflow.runs)
    path = place.trigger("kubeflow_here", kind="slow")
    (run,) = until(lambda: set(place.kubeflow.runs) - before)
    until(lambda: place.kubeflow.runs[run].nodes)
    place.airflow.stop("scheduler", number=signal.SIGKILL)
    place.airflow.start("scheduler")
    place.airflow.wait(f"{path}/taskInstances/tiny", [2], key="try_number")
    until(lambda: "of an earlier try is under way: this try follows it" in place.airflow.task_log("kubeflow_here"))
    assert set(place.kubeflow.runs) - before == {run}
    place.airflow.got("PATCH", f"{path}/taskInstances/tiny", {"new_state": "failed"})
    until(lambda: place.kubeflow.runs[run].stopped)
