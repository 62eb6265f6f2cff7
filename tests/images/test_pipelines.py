"""Every shipped pipeline, each step in a container of the suite's image, as kfp.local's DockerRunner starts it.

The runner calls a container that failed at once a success, so nothing is believed that was not looked at.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kfp import local

import headrace.components as shelf
from headrace.core.base.files import read_json
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.pipelines.definitions.catalogue import PIPELINES, pipeline
from headrace.serving.deployment.verify import verify
from headrace.stores.bundles.bundle_store import fetch, publish
from headrace.stores.objects.object_store import connect
from tests.conftest import Line
from tests.images.conftest import LOCKED_DOWN, answers, container, wait_for
from tests.rollouts.local import made

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
_WITHOUT_A_FILE = {"system.Metrics", "system.ClassificationMetrics"}


@dataclass(frozen=True)
class Place:
    """Where a pipeline runs.

    Attributes:
        root: Folder that every container sees: for artifacts, and the steps' events.
        source: Address of the line's table in the store.
        line: The line of the same table on this machine.
        store: The store.
        user: Who the containers run as.
        image: What they run.
    """

    root: Path
    source: str
    line: Line
    store: StoreSettings
    user: str
    image: str


@pytest.fixture
def place(image: str, nobody: str, line: Line, store: StoreSettings, tmp_path: Path) -> Place:
    """A folder of nobody's, and the table in the store."""
    if os.geteuid() == 0:
        os.chown(tmp_path, int(nobody.partition(":")[0]), 0)
    connect(store).put_file("raw/customers.csv", line.table)
    return Place(tmp_path, f"s3://{store.bucket}/raw/customers.csv", line, store, nobody, image)


def run(name: str, arguments: dict[str, Any], place: Place) -> list[dict[str, Any]]:
    """Run a pipeline in containers that may do nothing but their work; what its steps told."""
    events = place.root / "events.jsonl"
    runner = local.DockerRunner(
        user=place.user,
        network_mode="host",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        environment={**place.store.environment(), "HEADRACE_EVENTS": str(events)},
    )
    local.init(runner=runner, pipeline_root=str(place.root))
    try:
        pipeline(name)(**arguments)
    finally:
        told = [json.loads(row) for row in events.read_text().splitlines()]
    return told


def artifact(place: Place, step: str, name: str) -> Path:
    """Where a step left an output."""
    found = [one for one in place.root.rglob(name) if one.parent.name.startswith(step.replace("_", "-"))]
    assert len(found) == 1, f"{step} left {found} as its output {name}"
    return found[0]


def _training(place: Place) -> dict[str, Any]:
    # A server that a step starts ends with the step's container: the line ends with the published model here.
    return {"source": place.source, "target": "churn", "name": "customers", "budget": "3", "serve": False}


def _trained(place: Place) -> None:
    """The model was learned as on this machine, lies in the store whole, and answers from the image."""
    for step, name in (("evaluate", "evaluation"), ("validate", "checks")):
        (here,) = (place.line.home / "steps").glob(f"*/**/{step}/{name}")
        assert _numbers(read_json(artifact(place, step, name))) == pytest.approx(_numbers(read_json(here)), rel=1e-9)
    bundle = open_bundle(artifact(place, "package", "bundle"))
    published = read_json(artifact(place, "publish", "published"))
    assert published["digest"] == bundle.digest
    fetched = fetch(published["uri"], place.root / "fetched", settings=place.store)
    assert open_bundle(fetched).digest == bundle.digest
    assert "<html" in artifact(place, "report", "report").read_text()
    serve = ("python", "-m", "headrace.serving.server", "--model", published["uri"], "--port", "{port}")
    keys = [f"--env={key}={value}" for key, value in place.store.environment().items()]
    with container(place.image, serve, *LOCKED_DOWN, f"--user={place.user}", "--network=host", *keys) as running:
        wait_for(lambda: answers(running, "/v2/health/ready"), running)
        found = verify(f"http://127.0.0.1:{running.port}/v1/models/customers:predict", bundle=bundle)
    assert found["failures"] == []


def _preparation(place: Place) -> dict[str, Any]:
    connect(place.store).put_file("agreed/contract.yaml", place.line.home / "contract.yaml")
    return {"source": place.source, "contract": f"s3://{place.store.bucket}/agreed/contract.yaml"}


def _prepared(place: Place) -> None:
    """Each row is on one side, or in quarantine."""
    rows = read_json(artifact(place, "prepare", "checks"))["rows"]
    read = len(place.line.table.read_text().splitlines()) - 1
    assert (rows["read"], rows["quarantined"]) == (read, 0)


def _replay(place: Place) -> dict[str, Any]:
    return {"source": place.source, "target": "churn", "name": "customers", "budget": "3"}


def _made_again(place: Place) -> None:
    """The bundle tells of the same table, contract and parts as the line's on this machine."""
    here, there = (
        open_bundle(folder).json("provenance.json")["steps"]
        for folder in (place.line.home / "bundle", artifact(place, "package", "bundle"))
    )
    assert {"ingest", "infer_contract", "split"} <= set(here)
    for step in ("ingest", "infer_contract", "split"):
        assert there[step] == here[step], step


def _trial(place: Place) -> dict[str, Any]:
    result = f"s3://{place.store.bucket}/trials/in-containers.json"
    return {"source": place.source, "target": "churn", "result": result}


def _reported(place: Place) -> None:
    """The metrics lie where they were asked for, as the step before measured them."""
    told = json.loads(connect(place.store).get_bytes("trials/in-containers.json"))
    assert 0.5 < told["roc_auc"] < 1


def _monitoring(place: Place) -> dict[str, Any]:
    model = publish(place.line.home / "bundle", connect(place.store))
    return {"model": model, "store": f"s3://{place.store.bucket}/monitoring", "trained": "2024-01-01T00:00:00Z"}


def _decided(place: Place) -> None:
    """Nothing was scored, so nothing is known: that is a warning, and it stands in the store."""
    decision = read_json(artifact(place, "decide", "decision"))
    assert decision["outcome"] in {"warn", "retrain"}
    assert decision["unknown"]
    (stored,) = connect(place.store).list("monitoring/customers/decisions/")
    assert json.loads(connect(place.store).get_bytes(stored.key)) == decision


def _retraining(place: Place) -> dict[str, Any]:
    header, *rows = place.line.table.read_text().splitlines()
    timed = [f"{row},2026-01-01T{number // 60:02d}:{number % 60:02d}:00Z" for number, row in enumerate(rows)]
    connect(place.store).put_bytes("raw/labelled.csv", "\n".join([f"{header},time", *timed, ""]).encode())
    return {
        "model": publish(place.line.home / "bundle", connect(place.store)),
        "store": f"s3://{place.store.bucket}/monitoring",
        "new": f"s3://{place.store.bucket}/raw/labelled.csv",
        "old": place.source,
        "families": ["logistic"],
        "budget": "1",
        "metric_bounds": {"roc_auc": 1.0},
    }


def _kept(place: Place) -> None:
    """Nothing is as good as the bound demands: the new version is packaged, compared with the champion, and kept."""
    selection = read_json(artifact(place, "select_rows", "selection"))
    assert selection["rows"]["held_out"] > 0
    verdict = read_json(artifact(place, "gate", "verdict"))
    assert (verdict["verdict"], verdict["comparison"]["against"]) == ("reject", "champion")


def _rollout(place: Place) -> dict[str, Any]:
    # Both servers run in the step's own container, and end with it.
    folder = made(place.root / "versions", "good")
    bundles = {key: str(folder / one / "bundle") for key, one in (("stable", "stable"), ("candidate", "good"))}
    return {**bundles, "table": str(folder / "traffic.csv"), "platform": "local", "steps": [50, 100]}


def _rolled_out(place: Place) -> None:
    """The candidate was asked half of all requests, and took over."""
    record = read_json(artifact(place, "rollout", "record"))
    assert record["status"] == "promoted", record["reasons"]
    assert record["steps"][0]["candidate"]["codes"].keys() == {"200"}


@dataclass(frozen=True)
class Case:
    """How a pipeline is run here, and what must have come of it.

    Attributes:
        arguments: Its parameters.
        check: Looks at what it left, beyond every output being there.
        without: Steps that do not run.
    """

    arguments: Callable[[Place], dict[str, Any]]
    check: Callable[[Place], None]
    without: frozenset[str] = frozenset()


CASES = {
    "training": Case(_training, _trained, without=frozenset({"deploy", "verify_endpoint"})),
    "replay": Case(_replay, _made_again),
    "preparation": Case(_preparation, _prepared),
    "monitoring": Case(_monitoring, _decided, without=frozenset(PIPELINES["retraining"].steps)),
    "retraining": Case(_retraining, _kept, without=frozenset({"publish", "rollout"})),
    "rollout": Case(_rollout, _rolled_out),
    "trial": Case(_trial, _reported),
}


# A replay is a training and what compares it, and takes as long.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.exhaustive) if name == "replay" else name for name in CASES]
)
def test_a_pipeline_passes_in_containers(name: str, place: Place) -> None:
    """Each step ran to its end as nobody with a read-only root, left every output it declares, and did its work."""
    case = CASES[name]
    told = run(name, case.arguments(place), place)
    ended = [event["step"] for event in told if event["event"] == "end"]
    assert sorted(ended) == sorted(set(PIPELINES[name].steps) - case.without)
    for step in ended:
        for output, kind in (getattr(shelf, step).component_spec.outputs or {}).items():
            if kind.type.startswith("system.") and kind.type.partition("@")[0] not in _WITHOUT_A_FILE:
                left = artifact(place, step, output)
                assert any(left.iterdir()) if left.is_dir() else left.stat().st_size, left
    case.check(place)


def test_a_step_that_fails_in_a_container_ends_the_pipeline(place: Place) -> None:
    """A table that is not there is the user's mistake, told in the step's own sentence; no other step starts.

    kfp.local 2.17's DockerRunner removes a container when it ends and calls it a success where it is gone before its
    exit status was asked for (``docker_task_handler.run_docker_container``, 11 of 80 containers that failed at once):
    the run then ends at the first step that wants an output, by a ValueError.
    """
    events = place.root / "events.jsonl"
    with pytest.raises((RuntimeError, ValueError), match=r"failed|FAILURE|Tried to get output"):
        run("training", {**_training(place), "source": f"s3://{place.store.bucket}/raw/none.csv"}, place)
    told = [json.loads(row) for row in events.read_text().splitlines()]
    assert [(one["event"], one["step"]) for one in told[-2:]] == [("start", "ingest"), ("fail", "ingest")]
    assert {one["step"] for one in told} == {"fingerprint", "ingest"}
    assert told[-1]["kind"] == "user"
    assert "raw/none.csv" in told[-1]["error"]


def _numbers(document: Any, path: str = "") -> dict[str, float]:
    """All numbers of a JSON document, by where they stand."""
    if isinstance(document, dict):
        parts = [_numbers(value, f"{path}.{key}") for key, value in document.items()]
    elif isinstance(document, list):
        parts = [_numbers(value, f"{path}[{place}]") for place, value in enumerate(document)]
    else:
        parts = [{path: float(document)}] if isinstance(document, int | float) else []
    return {key: value for part in parts for key, value in part.items()}
