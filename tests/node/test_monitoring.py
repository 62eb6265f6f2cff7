"""A model in use on a whole node: its traffic is collected, its labels come, it is monitored, retrained and replaced.

All that runs of monitoring runs as pods of the options ``collector`` and ``monitor``, as the guide installs them. The
week of the traffic has ended: events carry the times of then.
"""

import json
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import urllib3
import yaml

from headrace.cli.monitoring.pumps import START, PumpWeek, draw_training_table, draw_week
from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import INFERENCE_SERVICES, PODS, SERVICES
from headrace.core.base.files import read_json
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.windows.window_store import WindowStore
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve_status import source
from headrace.stores.objects.object_store import connect
from headrace.stores.objects.open_objects import StorePlace
from tests.conftest import headrace
from tests.monitoring.notices.receivers import webhook
from tests.node.commands import command
from tests.node.conftest import Place
from tests.node.kserve_controller import Controller, gone
from tests.node.load import load
from tests.node.pods import ended, is_ready, kill_processes, said, wait_for, who_runs
from tests.node.traffic import Traffic, labels
from tests.real.prometheus import prometheus_server
from tests.serving.kserve_fixtures import digest
from tests.serving.kserve_platform import LABEL

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
NAME = "pumps"
COLLECTOR, MONITOR, LABELS_JOB, RETRAIN_JOB = (
    f"headrace-{part}" for part in ("collector", "monitor", "labels", "retrain")
)
TRAINED = "2025-01-06T00:00:00Z"
_TODAY = datetime.now(UTC) - timedelta(minutes=2)  # as the monitor waits after a window's end
# The latest week that has ended, and the one before.
LATEST = (_TODAY - timedelta(days=_TODAY.weekday()) - START).days // 7 - 1
BROKEN = draw_week(PumpWeek(LATEST, rows=600, share_without_pressure=0.97))
CHANGED = draw_week(PumpWeek(LATEST - 1, rows=1000, new_lubricant=True))
POLICY = """\
window: week
violated_windows: 1
considered_windows: 1
monitors:
  contract_violations: {}
  missing: {}
  input_drift: {}
  measured_performance: {}
retraining: {at_least_every_days: 0, rows: sliding, sliding_days: 28}
approve: []
"""
_QUICK_ROLLOUT = (
    "--budget=1 --traffic=canary --steps=50,100 --step-requests=50 --step-duration=2s --poll-interval=1s "
    "--step-timeout=3m --floor-ms=50 --tolerance=errors=0.05 --tolerance=slow=0.2"
)


@pytest.fixture(scope="module")
def champion(place: Place, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a model that was trained, by one command, on a table in the node's store."""
    folder = tmp_path_factory.mktemp("champion")
    draw_training_table().drop("time").write_csv(folder / "pumps.csv")
    connect(place.outside, create=True).put_file("raw/pumps.csv", folder / "pumps.csv")
    told = f"s3://{place.outside.bucket}/raw/pumps.csv --target fails --positive yes --name {NAME} --families logistic"
    ended = headrace(
        "run", *told.split(), "--budget", "1", "--output", str(folder / "run"), **place.outside.environment()
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return str(read_json(folder / "run" / "summary.json")["model"]["uri"])


def write_overlay(place: Place, model: str, folder: Path) -> Path:
    """An overlay of one's own with both components, which names the model, its policy, and shorter times."""
    assert headrace("cluster", "render", "local", "-o", str(folder), "--kustomize").returncode == 0
    own = folder / "overlay"
    own.mkdir()
    arguments = "/spec/template/spec/containers/0/args"
    collector = [
        {"op": "replace", "path": f"{arguments}/0", "value": model},
        {"op": "replace", "path": f"{arguments}/3", "value": f"--service={NAME}"},
        {"op": "add", "path": f"{arguments}/-", "value": "--store-seconds=2"},
    ]
    monitor = [{"op": "add", "path": f"{arguments}/-", "value": f"--trained={TRAINED}"}]
    in_job = f"/spec/jobTemplate{arguments}"
    retrain = [{"op": "add", "path": f"{in_job}/-", "value": word} for word in _QUICK_ROLLOUT.split()]
    given = {"MODEL": model, "ENDPOINT": NAME, "LABELS": f"s3://{place.inside.bucket}/labels/"}
    document = {
        "namespace": place.cluster.namespace,
        "resources": ["../kustomize/overlays/local"],
        "components": ["../kustomize/components/collector", "../kustomize/components/monitor"],
        "patches": [
            {"patch": config_map(MONITOR, given)},
            {"patch": config_map("headrace-monitoring-policy", {"monitoring.yaml": POLICY})},
            *(
                {"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump(patch)}
                for kind, name, patch in (
                    ("Deployment", COLLECTOR, collector),
                    ("Deployment", MONITOR, monitor),
                    ("CronJob", RETRAIN_JOB, retrain),
                )
            ),
        ],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(document))
    return own


def config_map(name: str, data: dict[str, str]) -> str:
    """A patch of a ConfigMap."""
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


@dataclass(frozen=True)
class Life:
    """A model in use.

    Attributes:
        model: Address of the bundle that served first.
        traffic: What it is asked.
        store: The monitoring store, as this machine reaches it.
    """

    model: str
    traffic: Traffic
    store: StorePlace

    def rows(self, begin: datetime, end: datetime) -> pl.DataFrame:
        """What is stored of a span of time, each row once."""
        frames = list(WindowStore(self.store, NAME).read(TimeWindow(begin, end)))
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame({"request_id": []})


@pytest.fixture(scope="module")
def life(place: Place, platform: Controller, champion: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The components applied by kubectl, and an endpoint that sends its payload log to the collector's Service."""
    space = ("-n", place.cluster.namespace)
    overlay = write_overlay(place, champion, tmp_path_factory.mktemp("monitored"))
    place.node.kubectl("apply", "--server-side", "-k", str(overlay))
    deployed = command(place, platform, "deploy", champion, "--name", NAME)
    assert deployed.returncode == 0, deployed.stderr
    logged = {"spec": {"predictor": {"model": {"args": [f"--log-url=http://{COLLECTOR}"]}}}}
    place.node.kubectl(*space, "patch", "inferenceservice", NAME, "--type=merge", "--patch", json.dumps(logged))
    place.node.kubectl(*space, "rollout", "status", f"deployment/{COLLECTOR}", "--timeout=240s")
    wait_for(lambda: logs_payloads(place), "a server with the payload log")
    address = (place.cluster.get(SERVICES, COLLECTOR) or {})["spec"]["clusterIP"]
    endpoint = platform.gateway.addresses[platform.host(f"{NAME}-predictor")]
    store = StorePlace(connect(place.outside), "monitoring/")
    yield Life(champion, Traffic(endpoint, address, NAME, digest(champion)), store)
    parts = (f"deployment/{COLLECTOR}", f"deployment/{MONITOR}", f"pvc/{COLLECTOR}")
    place.node.kubectl(*space, "delete", *parts, f"cronjob/{LABELS_JOB}", f"cronjob/{RETRAIN_JOB}")
    assert command(place, platform, "deploy", "--delete", "--name", NAME).returncode == 0
    wait_for(lambda: gone(place.cluster, NAME), "the endpoint's end")


def logs_payloads(place: Place) -> bool:
    """Whether the model has one pod, which is ready and sends its payload log."""
    pods = place.cluster.list(PODS, labels=f"{LABEL}={NAME}")
    return len(pods) == 1 and is_ready(pods[0]) and "--log-url" in str(pods[0]["spec"])


def pod_of(place: Place, name: str) -> Document:
    """The only pod of a Deployment, once it is ready."""

    def found() -> Document | None:
        pods = place.cluster.list(PODS, labels=f"app.kubernetes.io/name={name}")
        return pods[0] if len(pods) == 1 and is_ready(pods[0]) else None

    pod: Document = wait_for(found, f"a pod of {name}")
    return pod


def week_of(frame: pl.DataFrame) -> tuple[datetime, datetime]:
    """Begin and end of the week of some rows."""
    first = frame.get_column("time").min()
    assert isinstance(first, datetime)
    begin = first.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=first.weekday())
    return begin, begin + timedelta(weeks=1)


def is_whole(life: Life, frame: pl.DataFrame) -> bool:
    """Whether each row that was sent of a week is stored, with an answer."""
    rows = life.rows(*week_of(frame))
    return rows.height >= frame.height and rows.get_column("label").null_count() == 0


def test_a_collector_that_is_killed_under_load_loses_nothing(place: Place, life: Life) -> None:
    """Its process is killed and its pod deleted: each acknowledged event is stored, once, with its answer.

    The week is delivered again and again until a client has noticed the kill, however fast the machine is.
    """

    def send() -> None:
        deadline = time.monotonic() + 120
        while not life.traffic.refused and time.monotonic() < deadline:
            life.traffic.send(BROKEN)

    sending = threading.Thread(target=send)
    sending.start()
    wait_for(lambda: life.traffic.acknowledged >= 60, "some events")
    before = pod_of(place, COLLECTOR)
    assert kill_processes(before)
    place.node.kubectl(
        "-n", place.cluster.namespace, "delete", "pod", before["metadata"]["name"], "--grace-period=0", "--force"
    )
    sending.join(240)
    assert not sending.is_alive()
    assert life.traffic.refused, "nobody noticed the kill"
    sent = sorted(set(life.traffic.sent))
    assert len(sent) == BROKEN.height // 5
    wait_for(lambda: is_whole(life, BROKEN), "all rows in the store")
    rows = life.rows(*week_of(BROKEN))
    found = rows.group_by("request_id").agg(pl.col("row").sort())
    assert sorted(found.get_column("request_id")) == sent
    assert all(list(one) == [0, 1, 2, 3, 4] for one in found.get_column("row"))
    assert set(rows.get_column("model_digest")) == {digest(life.model)}
    assert pod_of(place, COLLECTOR)["metadata"]["uid"] != before["metadata"]["uid"]


def test_what_the_endpoint_itself_logs_is_collected(life: Life) -> None:
    """Its server sends each request and response to the collector's Service, under the client's id."""
    ids = [f"own-{secrets.token_hex(4)}" for _ in range(5)]
    now = datetime.now(UTC)
    for one, row in zip(ids, CHANGED.drop("time", "fails").head(5).to_dicts(), strict=True):
        life.traffic.ask([row], **{"Ce-Id": one})

    def stored() -> list[str]:
        rows = life.rows(now - timedelta(hours=1), now + timedelta(hours=2))
        return [one for one in rows.get_column("request_id") if one in ids]

    wait_for(lambda: len(stored()) >= len(ids), "the endpoint's own log in the store")
    assert sorted(stored()) == sorted(ids)


def run_job(place: Place, cron_job: str, seconds: float = 300) -> tuple[int, str]:
    """Exit code and log of a Job that is made of a CronJob, as the guide says."""
    name, space = f"{cron_job}-{secrets.token_hex(3)}", ("-n", place.cluster.namespace)
    place.node.kubectl(*space, "create", "job", f"--from=cronjob/{cron_job}", name)
    (pod,) = wait_for(lambda: place.cluster.list(PODS, labels=f"job-name={name}"), "the Job's pod")
    found = ended(place.cluster, pod["metadata"]["name"], seconds)
    place.node.kubectl(*space, "delete", "job", name)
    return found


def put_labels(place: Place, frame: pl.DataFrame, folder: Path) -> int:
    """Lay the labels of a week into the store, for the Job that joins them; how many."""
    table = labels(frame)
    table.write_csv(folder / "labels.csv")
    connect(place.outside).put_file(f"labels/{week_of(frame)[0]:%Y-%m-%d}.csv", folder / "labels.csv")
    return table.height


def test_labels_are_joined_by_a_pod(place: Place, life: Life, tmp_path: Path) -> None:
    """A Job of the suspended CronJob reads the table from the store and finds the row of each label."""
    count = put_labels(place, BROKEN, tmp_path)
    code, told = run_job(place, LABELS_JOB)
    assert code == 0, told
    assert f"{count} labels, {count} matched, 0 unknown" in told


def gauges(address: str) -> str:
    """The gauges at an address; empty while nobody answers."""
    try:
        return urllib3.request("GET", f"http://{address}/metrics", retries=False, timeout=5).data.decode()
    except urllib3.exceptions.HTTPError:
        return ""


def test_the_monitors_pod_reports_and_decides(place: Place, life: Life) -> None:
    """It waits for rows without an end of its own; then it finds the silent sensor, stops, and notifies."""
    space, before = ("-n", place.cluster.namespace), pod_of(place, MONITOR)
    told = said(place.cluster, before["metadata"]["name"])
    assert "must hold rows of pumps to be monitored" in told, told
    assert before["status"]["containerStatuses"][0]["restartCount"] == 0
    stopped = f'headrace_monitor_decision{{decision="stop",model="{NAME}"}}'
    with webhook("0.0.0.0") as people:  # noqa: S104 - pods reach this machine at the address of their node
        notices = f"--from-literal=addresses=json://{before['status']['hostIP']}:{people.port}/hook"
        place.node.kubectl(*space, "create", "secret", "generic", "headrace-notices", notices)
        place.node.kubectl(*space, "rollout", "restart", f"deployment/{MONITOR}")
        place.node.kubectl(*space, "rollout", "status", f"deployment/{MONITOR}", "--timeout=240s")
        pod = pod_of(place, MONITOR)
        address = f"{pod['status']['podIP']}:9465"
        wait_for(lambda: f"{stopped} 1.0" in gauges(address), "a decision")
        (notice,) = people.received
    assert "pressure" in notice["message"], notice
    told = said(place.cluster, pod["metadata"]["name"])
    assert f"{BROKEN.height} rows, 0 new labels" in told, "the labels came after the window's end"
    assert "Decision: stop." in told
    assert "'pressure'" in told
    assert who_runs(place.node, pod) == ["10001", "read-only", "no-token"]
    if shutil.which("prometheus"):
        with prometheus_server({"monitor": [address]}) as server:
            wait_for(lambda: asked(server.url, stopped) == ["1"], "a scrape")
            faulty = 'headrace_monitor_status{monitor="missing",subject="pressure",status="data_fault"}'
            assert asked(server.url, faulty) == ["1"]


def asked(prometheus: str, query: str) -> list[str]:
    """The values that a Prometheus has for a query."""
    reply = urllib3.request("GET", f"{prometheus}/api/v1/query", fields={"query": query}, retries=False, timeout=5)
    return [one["value"][1] for one in reply.json()["data"]["result"]]


def answering(place: Place, platform: Controller) -> set[str]:
    """Digests of the bundles that answer the endpoint's clients."""
    url, found = f"http://{platform.outer(NAME)}/v1/models/{NAME}:predict", set()
    for _ in range(8):
        with EndpointClient.at(url, gateway=platform.ingress.address) as remote:
            found.add(remote.digest())
    return found


def test_a_model_is_not_retrained_on_broken_data(place: Place, platform: Controller, life: Life) -> None:
    """The Job ends with exit code 4: nothing is trained, and the endpoint is as it was."""
    before = place.cluster.get(INFERENCE_SERVICES, NAME) or {}
    code, told = run_job(place, RETRAIN_JOB)
    assert code == 4, told
    assert f"all {BROKEN.height} lie in windows of {NAME} whose data a monitor found broken" in told
    after = place.cluster.get(INFERENCE_SERVICES, NAME) or {}
    assert (after["spec"], source(after)) == (before["spec"], life.model)
    assert answering(place, platform) == {digest(life.model)}
    assert not list(life.store.store.list(f"{life.store.prefix}{NAME}/training/"))


def test_a_retraining_really_replaces_the_model(place: Place, platform: Controller, life: Life, tmp_path: Path) -> None:
    """Rows of a sound week come late, and their labels: the Job's new version takes over, and no request fails."""
    life.traffic.send(CHANGED)
    wait_for(lambda: is_whole(life, CHANGED), "all rows in the store")
    count = put_labels(place, CHANGED, tmp_path)
    code, told = run_job(place, LABELS_JOB)
    assert code == 0, told
    assert f"{BROKEN.height + count:,} matched, 0 unknown, 0 corrected, {BROKEN.height} repeated" in told
    rows = CHANGED.drop("time", "fails", "inspection").to_dicts()
    with load(platform.ingress.address, NAME, *rows, host=platform.outer(NAME)) as found:
        code, told = run_job(place, RETRAIN_JOB, 600)
    assert code == 0, told
    assert f"{BROKEN.height} new rows lie in windows whose data were broken" in told
    assert "the new version takes over" in told
    assert f"Next: watch it with headrace monitor {NAME}@production" in told, told
    assert found.flawless(), found
    (new,) = answering(place, platform)
    assert new != digest(life.model)
    service = place.cluster.get(INFERENCE_SERVICES, NAME) or {}
    assert digest(source(service)) == new
    wait_for(lambda: logs_payloads(place), "the end of the old pods")
    now = datetime.now(UTC)
    wait_for(
        lambda: new in set(life.rows(now - timedelta(hours=1), now + timedelta(hours=1)).get_column("model_digest")),
        "rows that the new version answered",
    )
