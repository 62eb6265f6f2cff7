"""The monitoring pipeline: run here by the runner, with and without a retraining, and submitted as a recurring run."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.monitors.reports.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow
from headrace.core.runtime.processes import lease
from headrace.monitoring.decisions.history import HistoryStore
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.pipelines.kubeflow.submit import SubmitOptions, arguments, read_pipeline, trigger
from headrace.pipelines.local.run_folder import RunFolder, run_folder
from headrace.pipelines.local.runner import RunOutcome, run_pipeline
from headrace.registry.mlflow.registry import open_registry
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from headrace.stores.objects.open_objects import open_objects
from tests.api.monitoring.test_retraining import customers
from tests.made_bundle import copy_bundle

MODEL = f"s3://headrace/models/tips/{'a' * 64}/"
WATCHING = ["collect", "join_labels", "monitor", "decide"]
LONG_AGO = "2024-01-01T00:00:00Z"


def _run(folder: RunFolder, given: dict[str, Any], environment: dict[str, str] | None = None) -> RunOutcome:
    ended = run_pipeline("monitoring", given, folder=folder, environment=environment or {}, watch=lambda _: None)
    assert ended.error is None, ended.error
    return ended


def _decision(folder: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(folder.steps.glob("*/**/decide/decision")).read_text())
    return found


@pytest.mark.slow
def test_a_window_is_decided_once_however_often_it_runs(tmp_path: Path) -> None:
    """Without any row nothing is known, which is a warning; a second run on the same day changes nothing."""
    bundle = copy_bundle(tmp_path / "made")
    given = {
        "model": str(bundle.folder),
        "store": str(tmp_path / "store"),
        "trained": "2026-01-01T00:00:00Z",
        "retrain": True,
    }
    documents = []
    for now in ("2026-02-01T06:00:00Z", "2026-02-01T18:00:00Z"):
        with run_folder(tmp_path / f"run-{now[11:13]}") as folder, lease(folder.lease):
            ended = _run(folder, {**given, "now": now})
            assert [step.name for step in ended.steps] == WATCHING
            documents.append(_decision(folder))
    first, second = documents
    assert first == second
    assert (first["outcome"], first["time"]) == ("warn", "2026-02-01T06:00:00Z")
    assert first["unknown"]
    for folder_name in ("reports", "decisions"):
        (stored,) = (tmp_path / "store").glob(f"*/{folder_name}/*.json")
        assert stored.name == "2026-01-31T00:00:00Z--2026-02-01T00:00:00Z.json"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "is_broken", "retrain", "outcome"),
    [
        ("", False, False, "retrain"),
        ("approve: [retrain]\n", False, True, "retrain"),
        ("", True, True, "stop"),
    ],
    ids=["switched-off", "waits-for-a-person", "broken-data"],
)
def test_nothing_is_trained(tmp_path: Path, policy: str, is_broken: bool, retrain: bool, outcome: str) -> None:
    """A retraining that is due is not carried out unless it is wanted and allowed; broken data never train anything."""
    bundle = copy_bundle(tmp_path / "made")
    if is_broken:
        sentence = "'age' has no value in any of 100 rows."
        fault = MonitorResult("missing", "age", "data_fault", sentence, value=1.0)
        window = ReportWindow("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z")
        report = MonitorReport(FORMAT, bundle.name, bundle.digest, window, 100, 100, 0, 0.01, (fault,))
        HistoryStore(open_objects(str(tmp_path / "store"), create=True), bundle.name).add_report(report)
    given = {"model": str(bundle.folder), "store": str(tmp_path / "store"), "trained": LONG_AGO, "retrain": retrain}
    if policy:
        (tmp_path / "monitoring.yaml").write_text(policy)
        given["policy"] = str(tmp_path / "monitoring.yaml")
    with run_folder(tmp_path / "run") as folder, lease(folder.lease):
        ended = _run(folder, {**given, "now": "2026-02-01T06:00:00Z"})
        assert [step.name for step in ended.steps] == WATCHING
        assert _decision(folder)["outcome"] == outcome


@pytest.mark.slow
def test_it_collects_and_retrains(tmp_path: Path) -> None:
    """From what a real server logged and a table of labels to a new version that takes over, in one run."""
    home = tmp_path / "life"
    hr.run(
        customers(500, seed=1, timed=False),
        "churn",
        name="life",
        include_data=True,
        budget=1,
        families="logistic",
        publish=False,
        output=home,
    )
    log, labels, policy = tmp_path / "payloads.jsonl", tmp_path / "labels.jsonl", tmp_path / "monitoring.yaml"
    _serve_requests(home, log, labels)
    policy.write_text("retraining: {rows: sliding, sliding_days: 3}\napprove: []\n")
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder(tmp_path / "run"))
        held = stack.enter_context(lease(folder.lease))
        output = stack.enter_context((tmp_path / "store.log").open("wb"))
        store = stack.enter_context(local_store(tmp_path / "objects", lease_path=held, log=output))
        ended = _run(
            folder,
            {
                "model": publish(home / "bundle", connect(store)),
                "store": "s3://headrace/monitoring",
                "sources": [str(log)],
                "labels": str(labels),
                "policy": str(policy),
                "trained": LONG_AGO,
                "now": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
                "retrain": True,
                "families": ["logistic"],
                "budget": "1",
                "platform": "local",
                "steps": [50, 100],
                "step_requests": 100,
            },
            {**store.environment(), "HEADRACE_REGISTRY": str(tmp_path / "registry.db")},
        )
        names = [step.name for step in ended.steps]
        assert names[:5] == [*WATCHING, "select_rows"]
        assert set(names) == set(PIPELINES["monitoring"].steps)
        decision = _decision(folder)
        assert decision["outcome"] == "retrain"
        report = json.loads(next(folder.steps.glob("*/**/monitor/report")).read_text())
        assert (report["rows"], report["labelled"]) == (600, 600)
        record = json.loads(next(folder.steps.glob("*/**/rollout/record")).read_text())
        assert record["status"] == "promoted"
        assert record["stable"]["digest"] == open_bundle(home / "bundle").digest == decision["digest"]
        registered = open_registry(str(tmp_path / "registry.db")).model("life")
        assert registered.find("production").digest == record["candidate"]["digest"]


def _serve_requests(home: Path, log: Path, labels: Path) -> None:
    """Let a server answer 120 requests of a world that has turned, and write what became of the rows."""
    frame = customers(600, seed=2, turned=True, timed=False)
    with hr.serve(home, log_url=str(log)) as endpoint:
        for rows in frame.iter_slices(5):
            endpoint.predict(rows.drop("churn"))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    ids = list(dict.fromkeys(event["id"] for event in events))
    assert len(ids) == 120
    actual = frame.get_column("churn").to_list()
    truths = [
        {"request_id": name, "row": row, "churn": actual[5 * place + row]}
        for place, name in enumerate(ids)
        for row in range(5)
    ]
    labels.write_text("\n".join(map(json.dumps, truths)) + "\n")


@pytest.mark.parametrize("name", ["monitoring", "retraining"])
def test_it_can_be_submitted_on_a_schedule(name: str) -> None:
    """The model and the store must be given, and every other parameter has a default; Kubeflow gets an interval."""
    file = read_pipeline(SubmitOptions(name))
    given = {"model": MODEL, "store": "s3://monitoring/models", "policy": "s3://monitoring/monitoring.yaml"}
    assert arguments(file, given)["model"] == MODEL
    with pytest.raises(InputError, match="store"):
        arguments(file, {"model": MODEL})
    assert trigger(every="24h") == {"periodic_schedule": {"interval_second": "86400"}}
