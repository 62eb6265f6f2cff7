"""On a whole Kubernetes node: pods, Services, volumes and garbage collection are real, KServe and Katib are played."""

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import headrace.components as shelf
from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import (
    CLAIMS,
    DEPLOYMENTS,
    EXPERIMENTS,
    INFERENCE_SERVICES,
    JOBS,
    LEASES,
    PODS,
    SERVICES,
    TRIALS,
)
from headrace.core.base.errors import StoreError
from headrace.core.base.files import read_json
from headrace.core.bundles.bundle import open_bundle
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve_status import source
from headrace.serving.deployment.verify import verify
from headrace.stores.bundles.bundle_store import fetch, publish
from headrace.stores.objects.object_store import connect
from tests.conftest import write_table
from tests.experiments.katib_controller import katib
from tests.node.commands import command
from tests.node.conftest import CLEANUP, STORE, Place
from tests.node.katib_jobs import TRIAL_LABEL, on_node
from tests.node.kserve_controller import Controller, gone
from tests.node.load import load
from tests.node.pods import Work, ended, run, said, start, wait_for
from tests.node.steps import Steps, run_pipeline, volume
from tests.rollouts import bundles
from tests.rollouts.local import kept
from tests.serving.conftest import GOOD
from tests.serving.kserve_fixtures import digest
from tests.serving.kserve_platform import LABEL

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
NAME = "heart"
PLANS = ("basic", "plus", "premium")
ROWS = [{**GOOD, "age": 18 + 31 * number % 73, "plan": PLANS[number % 3]} for number in range(219)]
_WHO = (
    "id -u; touch /opt/x 2>/dev/null && echo writable || echo read-only; "
    "test -e /var/run/secrets/kubernetes.io && echo token || echo no-token"
)
_WITHOUT_A_FILE = {"system.Metrics", "system.ClassificationMetrics"}


def of_model(place: Place, name: str = NAME) -> list[Document]:
    """The pods of a model's servers, those on their way out too."""
    return place.cluster.list(PODS, labels=f"{LABEL}={name}")


def stays(pod: Document) -> bool:
    """Whether a pod is not on its way out."""
    return not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Document | None) -> bool:
    """Whether a pod is ready."""
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def settled(place: Place) -> bool:
    """Whether the model has two pods that are ready, and no other."""
    pods = of_model(place)
    return len(pods) == 2 and all(stays(pod) and is_ready(pod) for pod in pods)


def answering(address: str, *, gateway: str = "") -> set[str]:
    """Digests of the bundles that answer at an address."""
    found = set()
    for _ in range(8):
        with EndpointClient.at(f"http://{address}/v1/models/{NAME}:predict", gateway=gateway) as remote:
            found.add(remote.digest())
    return found


def test_the_object_store_keeps_its_data_when_its_pod_is_killed(place: Place) -> None:
    """The overlay's store runs on a volume of its own; another pod takes that over, with all that it held."""
    store = connect(place.outside)
    store.put_bytes("kept/one.txt", b"one")
    before = place.cluster.get(PODS, f"{STORE}-0")
    assert before
    place.node.kubectl("-n", place.cluster.namespace, "delete", "pod", f"{STORE}-0", "--grace-period=0", "--force")
    wait_for(lambda: another(place, before), "another pod")

    def kept() -> bytes:
        with suppress(StoreError):  # the node's Service learns of the new pod after the pod is ready
            return connect(place.outside).get_bytes("kept/one.txt")
        return b""

    assert wait_for(kept, "the store at its Service") == b"one"
    (claim,) = place.cluster.list(CLAIMS)
    assert (claim["status"]["phase"], claim["status"]["capacity"]["storage"]) == ("Bound", "2Gi")


def another(place: Place, before: Document) -> bool:
    """Whether a pod of the same name took another's place, and is ready."""
    found = place.cluster.get(PODS, before["metadata"]["name"])
    return found is not None and is_ready(found) and found["metadata"]["uid"] != before["metadata"]["uid"]


def test_the_doctor_says_what_is_there(place: Place, platform: Controller, tmp_path: Path) -> None:
    """To an administrator outside and to the pipeline's own account inside: nothing stands in the way on this node."""
    ended = command(place, platform, "doctor", "--platform", "cluster", "--output", str(tmp_path / "found.json"))
    assert ended.returncode == 0, ended.stdout
    told = "\n".join(f"{one['state']}: {one['text']}" for one in read_json(tmp_path / "found.json")["findings"])
    for part in (
        "good: Kubernetes v1.34.2",
        f"good: the namespace {place.cluster.namespace} is there",
        "good: the Secret headrace-object-store is there with 7 keys",
        f"good: models are served by {place.image}",
        "good: 1 of 1 nodes are ready",
        "good: the default storage class is standard",
        "its controller is not in kserve",
    ):
        assert part in told, told
    work = Work(["headrace", "doctor", "--platform", "cluster"], place.image, "headrace-pipeline")
    code, inside = run(place.cluster, work, "doctor")
    assert code == 0, inside
    assert f"you are system:serviceaccount:{place.cluster.namespace}:headrace-pipeline" in inside
    assert place.inside.secret_key not in inside + ended.stdout + told


@pytest.fixture(scope="module")
def served(place: Place, platform: Controller, uris: list[str]) -> str:
    """The first version, deployed from outside; where its Service is."""
    ended = command(place, platform, "deploy", uris[0], "--name", NAME, "--min-replicas", "2")
    assert ended.returncode == 0, ended.stderr
    assert f"{NAME} in {place.cluster.namespace} (Standard) answers with {digest(uris[0])[:12]}." in ended.stdout
    return platform.gateway.addresses[platform.host(f"{NAME}-predictor")]


def test_servers_run_as_nobody_with_a_probe_of_the_model(
    place: Place, platform: Controller, served: str, uris: list[str]
) -> None:
    """Each pod runs as the user that the namespace gives it, writes nowhere, has no token, and never restarted."""
    assert settled(place)
    for pod in of_model(place):
        name = pod["metadata"]["name"]
        told = place.node.kubectl(
            "-n", place.cluster.namespace, "exec", name, "-c", "kserve-container", "--", "sh", "-c", _WHO
        )
        assert told.split() == [str(platform.user), "read-only", "no-token"]
        assert pod["spec"]["serviceAccountName"] == "headrace-serving"
        (container,) = pod["spec"]["containers"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
        (status,) = pod["status"]["containerStatuses"]
        assert status["restartCount"] == 0
    assert answering(served) == {digest(uris[0])}


def test_a_pod_is_ready_only_when_its_model_answers(place: Place, served: str) -> None:
    """A Service sends no request to a pod that has not loaded its model, nor to one that is taken away."""
    deployment = f"{NAME}-predictor"
    with load(served, NAME, GOOD) as found:
        place.cluster.patch(DEPLOYMENTS, deployment, {"spec": {"replicas": 3}}, manager="someone")
        wait_for(lambda: len([pod for pod in of_model(place) if is_ready(pod)]) == 3, "a third pod")
        time.sleep(2)
        place.cluster.patch(DEPLOYMENTS, deployment, {"spec": {"replicas": 2}}, manager="someone")
        wait_for(lambda: settled(place), "two pods again")
    assert found.flawless(), found


def test_versions_change_under_load(place: Place, platform: Controller, served: str, uris: list[str]) -> None:
    """From outside to the second version, and from a pod back to the first: every request is answered."""
    with load(served, NAME, GOOD) as found:
        ended = command(place, platform, "deploy", uris[1], "--name", NAME, "--min-replicas", "2")
        assert ended.returncode == 0, ended.stderr
        wait_for(lambda: settled(place), "the end of the old pods")
        assert answering(served) == {digest(uris[1])}
        back = ["headrace", "deploy", uris[0], "--name", NAME, "--min-replicas", "2"]
        code, told = run(place.cluster, Work(back, place.image, "headrace-deployer"), "deploy")
        assert code == 0, told
        assert f"answers with {digest(uris[0])[:12]}, {digest(uris[1])[:12]} before." in told
        wait_for(lambda: settled(place), "the end of the old pods")
    assert found.flawless(), found
    assert answering(served) == {digest(uris[0])}


def test_a_broken_version_is_taken_back_under_load(
    place: Place, platform: Controller, served: str, uris: list[str]
) -> None:
    """What served before serves on; the command says in one sentence what is wrong and what answers."""
    with load(served, NAME, GOOD) as found:
        ended = command(place, platform, "deploy", uris[2], "--name", NAME, "--min-replicas", "2")
        wait_for(lambda: settled(place), "the end of the broken pods")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "(CrashLoopBackOff, exit code 2, Error)" in ended.stderr
    assert "card.md is missing" in ended.stderr
    assert ended.stderr.rstrip().endswith(f"{NAME} answers with {digest(uris[0])[:12]} as before.")
    assert found.flawless(), found
    assert answering(served) == {digest(uris[0])}


def rollout(candidate: str, *, steps: str) -> list[str]:
    """Words of a rollout that is as short as may be."""
    times = f"--steps {steps} --step-requests 50 --step-duration 2s --poll-interval 1s --step-timeout 2m"
    bounds = "--floor-ms 50 --tolerance errors=0.05 --tolerance slow=0.2 --tolerance shift=0.6"
    return ["rollout", NAME, "--candidate", candidate, "--traffic", "canary", *times.split(), *bounds.split()]


def predictors(place: Place) -> list[list[str]]:
    """Names of the model's Deployments, and of its Services."""
    found = [place.cluster.list(kind, labels=f"{LABEL}={NAME}") for kind in (DEPLOYMENTS, SERVICES)]
    return [[one["metadata"]["name"] for one in some] for some in found]


def test_a_rollout_from_a_pod_sends_a_worse_version_back(
    place: Place, platform: Controller, served: str, uris: list[str], tmp_path: Path
) -> None:
    """It refuses a third of what it is asked: its pods' counters tell, and the account may take all of it away."""
    before = place.cluster.get(INFERENCE_SERVICES, NAME)
    strict = publish(bundles.strict(tmp_path / "strict").folder, connect(place.outside))
    words = ["headrace", *rollout(strict, steps="50,100")]
    with load(platform.ingress.address, NAME, *ROWS, host=platform.outer(NAME)) as found:
        code, told = run(place.cluster, Work(words, place.image, "headrace-deployer"), "rollout")
    assert code == 3, told
    assert f"{NAME}: rolled back." in told
    assert "requests that failed" in told
    assert set(found.answers) == {"200", "400"}, found
    wait_for(lambda: settled(place), "the end of the candidate's pods")
    assert predictors(place) == [[f"{NAME}-predictor"]] * 2
    after = place.cluster.get(INFERENCE_SERVICES, NAME)
    assert before
    assert after
    assert after["spec"] == before["spec"]
    assert answering(served) == answering(platform.outer(NAME), gateway=platform.ingress.address) == {digest(uris[0])}


def test_a_version_that_is_not_in_the_store_is_told_by_its_initializer(
    place: Place, platform: Controller, uris: list[str]
) -> None:
    """A new endpoint that cannot get its bundle is taken away again, with the initializer's last words."""
    nowhere = uris[0].replace(digest(uris[0]), "0" * 64)
    ended = command(place, platform, "deploy", nowhere, "--name", "nowhere")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert f"No model found in {nowhere}" in ended.stderr
    assert ended.stderr.rstrip().endswith("nowhere, which did not exist before, was deleted again.")
    wait_for(lambda: gone(place.cluster, "nowhere"), "its end")


def test_a_deleted_pod_finishes_what_it_was_asked(place: Place, served: str) -> None:
    """A server that is deleted answers until nobody asks it any more, and another one takes its place."""
    name = of_model(place)[0]["metadata"]["name"]
    with load(served, NAME, GOOD) as found:
        time.sleep(1)
        place.cluster.delete(PODS, name)
        wait_for(lambda: place.cluster.get(PODS, name) is None, "the pod's end")
        wait_for(lambda: settled(place), "another pod")
    assert found.flawless(), found


@pytest.mark.parametrize("name", [NAME, "unborn"])
def test_a_deployment_that_is_ended_leaves_nothing_behind(
    place: Place, platform: Controller, served: str, uris: list[str], name: str
) -> None:
    """The pod that deploys is deleted in the middle: what was there before serves on, what was not is gone again."""
    before = place.cluster.get(INFERENCE_SERVICES, name)
    # No node has as many processors: the version never comes up.
    words = ["headrace", "deploy", uris[1], "--name", name, "--min-replicas", "2", "--cpu", "64"]
    pod = start(place.cluster, Work(words, place.image, "headrace-deployer"), "ended")
    wait_for(lambda: uris[1] in str(place.cluster.get(DEPLOYMENTS, f"{name}-predictor")), "the deployment's beginning")
    wait_for(lambda: any("'cpu': '64'" in str(one["spec"]) for one in of_model(place, name)), "a pod of it")
    place.cluster.delete(PODS, pod)
    wait_for(lambda: place.cluster.get(PODS, pod) is None, "the end of the pod that deploys")
    after = place.cluster.get(INFERENCE_SERVICES, name)
    if before is None:
        assert after is None
        wait_for(lambda: gone(place.cluster, name), "the end of what was made of it")
    else:
        assert after
        assert (after["spec"], source(after)) == (before["spec"], uris[0])
        wait_for(lambda: settled(place), "the end of what was made of it")
        assert answering(served) == {digest(uris[0])}


def killed(place: Place, pod: str) -> None:
    """Kill the processes of a pod by SIGKILL, as the kernel does that has no memory left."""
    own = next(one["value"] for one in container(place, pod)["env"] if one["name"] == "HEADRACE_ACTOR")
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # none of a process, or one that ended while it was looked at
            if f"HEADRACE_ACTOR={own}\0".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
    code, _ = ended(place.cluster, pod)
    assert code == 128 + signal.SIGKILL


def container(place: Place, pod: str) -> Document:
    """The only container of a pod."""
    (found,) = (place.cluster.get(PODS, pod) or {})["spec"]["containers"]
    return dict(found)


def mortal(place: Place, words: list[str], account: str) -> Work:
    """What a pod is to do that will be killed; its claims are short."""
    own = {"HEADRACE_ACTOR": f"killed-{secrets.token_hex(4)}", "HEADRACE_CLAIM_SECONDS": "5"}
    return Work(words, place.image, account, environment=own)


def cleaned_up(place: Place) -> str:
    """What a Job says that is made of the CronJob of the manifests."""
    name = f"cleanup-{secrets.token_hex(3)}"
    space = ("-n", place.cluster.namespace)
    place.node.kubectl(*space, "create", "job", f"--from=cronjob/{CLEANUP}", name)
    place.node.kubectl(*space, "wait", "--for=condition=complete", f"job/{name}", "--timeout=120s")
    (pod,) = place.cluster.list(PODS, labels=f"job-name={name}")
    told = said(place.cluster, pod["metadata"]["name"])
    place.node.kubectl(*space, "delete", "job", name)
    return told


@pytest.mark.parametrize("name", [NAME, "unborn"])
def test_a_deployment_that_is_killed_is_tidied(
    place: Place, platform: Controller, served: str, uris: list[str], name: str
) -> None:
    """By the CronJob's own pod: what was there before serves on, what was not is gone again."""
    before = place.cluster.get(INFERENCE_SERVICES, name)
    words = ["headrace", "deploy", uris[1], "--name", name, "--min-replicas", "2", "--cpu", "64"]
    pod = start(place.cluster, mortal(place, words, "headrace-deployer"), "killed")
    wait_for(lambda: any("'cpu': '64'" in str(one["spec"]) for one in of_model(place, name)), "a pod of it")
    killed(place, pod)
    left = place.cluster.get(INFERENCE_SERVICES, name)
    assert left
    assert source(left) == uris[1], "nobody has put anything right yet"
    time.sleep(6)
    told = cleaned_up(place)
    assert f"the InferenceService {name} was {'restored to ' + uris[0] if before else 'deleted'}" in told
    assert f"1 cleaned up in {place.cluster.namespace}." in told
    after = place.cluster.get(INFERENCE_SERVICES, name)
    if before is None:
        assert after is None
        wait_for(lambda: gone(place.cluster, name), "the end of what was made of it")
    else:
        assert after
        assert (after["spec"], source(after)) == (before["spec"], uris[0])
        wait_for(lambda: settled(place), "the end of what was made of it")
        assert answering(served) == {digest(uris[0])}


def test_a_rollout_from_outside_promotes_a_good_version(
    place: Place, platform: Controller, served: str, uris: list[str], tmp_path: Path
) -> None:
    """Step by step, while every request is answered; then the endpoint answers with it, and its pods alone are left."""
    with load(platform.ingress.address, NAME, *ROWS, host=platform.outer(NAME)) as found:
        ended = command(place, platform, *rollout(uris[1], steps="20,50,100"), "--output", str(tmp_path))
        wait_for(lambda: settled(place), "the end of the old pods")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert found.flawless(), found
    record = kept(tmp_path)
    assert (record.status, record.metrics, record.traffic) == ("promoted", "servers", "canary")
    for step in record.steps:
        mine, others = step.candidate.counts().requests, step.stable.counts().requests
        assert abs(mine / (mine + others) - step.percent / 100) < 0.15
    assert predictors(place) == [[f"{NAME}-predictor"]] * 2, "the predictor keeps its name"
    assert answering(platform.outer(NAME), gateway=platform.ingress.address) == {digest(uris[1])}


def test_an_endpoint_is_removed_with_all_that_it_had(place: Place, platform: Controller, served: str) -> None:
    """Its Deployment, its Service and its pods go with it."""
    ended = command(place, platform, "deploy", "--delete", "--name", NAME)
    assert ended.returncode == 0, ended.stderr
    wait_for(lambda: gone(place.cluster, NAME), "its end")


@pytest.fixture(scope="module")
def table(place: Place, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a table in the store."""
    key = "raw/customers.csv"
    connect(place.outside).put_file(key, write_table(tmp_path_factory.mktemp("table") / "customers.csv"))
    return f"s3://{place.inside.bucket}/{key}"


def test_a_search_that_is_ended_leaves_nothing_behind(place: Place, table: str) -> None:
    """The pod that searches is deleted while a trial runs: no Experiment, Trial, Job or pod of one is left."""
    options = "--target churn --experiment logistic --tuner katib --output search"
    words = ["headrace", "tune", table, *options.split()]
    with katib(place.cluster, on_node(place.cluster)):
        pod = start(place.cluster, Work(words, place.image, "headrace-tuner"), "search")

        def begun() -> list[Document]:
            said(place.cluster, pod)  # a log may be asked for at any time, before its container starts too
            return place.cluster.list(PODS, labels=TRIAL_LABEL)

        wait_for(begun, "a trial")
        place.cluster.delete(PODS, pod)
        wait_for(lambda: place.cluster.get(PODS, pod) is None, "the end of the pod that searches")
        assert place.cluster.list(EXPERIMENTS) == []
        nothing_of_it_is_left(place)


def test_a_search_that_is_killed_is_tidied(place: Place, table: str) -> None:
    """By the CronJob's own pod, once nobody has watched it for a while; before, it is left alone."""
    options = "--target churn --experiment logistic --tuner katib --output search"
    words = ["headrace", "tune", table, *options.split()]
    with katib(place.cluster, on_node(place.cluster)):
        pod = start(place.cluster, mortal(place, words, "headrace-tuner"), "killed")
        wait_for(lambda: place.cluster.list(PODS, labels=TRIAL_LABEL), "a trial")
        (experiment,) = place.cluster.list(EXPERIMENTS)
        killed(place, pod)
        assert place.cluster.list(EXPERIMENTS)
        time.sleep(6)
        assert f"the Experiment {experiment['metadata']['name']} was deleted, with its Trials" in cleaned_up(place)
        assert place.cluster.list(EXPERIMENTS) == []
        nothing_of_it_is_left(place)
        assert place.cluster.list(LEASES) == []
    assert "Nothing is left to clean up" in cleaned_up(place)


def nothing_of_it_is_left(place: Place) -> None:
    """Wait until the node's garbage collector has taken what an Experiment had."""
    wait_for(lambda: not place.cluster.list(TRIALS) and not trial_jobs(place), "the end of its Trials and Jobs")
    wait_for(lambda: not place.cluster.list(PODS, labels=TRIAL_LABEL), "the end of their pods")


def trial_jobs(place: Place) -> list[Document]:
    """Jobs of trials, beside those of the CronJob."""
    return [one for one in place.cluster.list(JOBS) if not one["metadata"]["name"].startswith(CLEANUP)]


@pytest.fixture(scope="module")
def shared(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A volume that the pods of steps share."""
    with volume(place.cluster, place.image, tmp_path_factory.mktemp("shared") / "volume") as path:
        yield path


@pytest.fixture(scope="module")
def line(place: Place, platform: Controller, table: str, shared: Path) -> Steps:
    """The whole line on the node: the table from its store, the search on Katib, the endpoint on KServe."""
    arguments = {
        "source": table,
        "target": "churn",
        "name": "customers",
        "experiment": "logistic",
        "budget": "2",
        "tuner": "katib",
        "cleanup": "never",
    }
    made = Steps(place.cluster, place.image, shared, shared / "training")
    with katib(place.cluster, on_node(place.cluster)), pytest.MonkeyPatch.context() as patch:
        run_pipeline(made, "training", arguments, patch)
    return made


def whole(made: Steps, name: str) -> bool:
    """Whether each step of a pipeline ran to its end as a pod, and left every output that it declares."""
    ended = [event["step"] for event in made.events() if event["event"] == "end"]
    assert sorted(ended) == sorted(PIPELINES[name].steps) == sorted(made.ran)
    assert {step: code for step, (code, _) in made.ran.items() if code} == {}
    for step in ended:
        for output, kind in (getattr(shelf, step).component_spec.outputs or {}).items():
            if kind.type.startswith("system.") and kind.type.partition("@")[0] not in _WITHOUT_A_FILE:
                left = made.artifact(step, output)
                assert any(left.iterdir()) if left.is_dir() else left.stat().st_size, left
                assert left.stat().st_uid == made.user
    return True


def test_each_step_runs_as_a_pod_of_its_account(line: Steps) -> None:
    """From the table to the endpoint, as nobody with a read-only root."""
    assert whole(line, "training")


def test_the_other_pipelines_run_in_pods_too(
    place: Place, table: str, shared: Path, line: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table is prepared in one pass; a pipeline that is a trial reports to the store."""
    result, contract = f"s3://{place.inside.bucket}/trials/in-pods.json", line.artifact("infer_contract", "contract")
    trial = Steps(place.cluster, place.image, shared, shared / "trial")
    run_pipeline(trial, "trial", {"source": table, "target": "churn", "result": result}, monkeypatch)
    assert whole(trial, "trial")
    assert 0.5 < json.loads(connect(place.outside).get_bytes("trials/in-pods.json"))["roc_auc"] < 1
    preparation = Steps(place.cluster, place.image, shared, shared / "preparation")
    run_pipeline(preparation, "preparation", {"source": table, "contract": str(contract)}, monkeypatch)
    assert whole(preparation, "preparation")
    rows = read_json(preparation.artifact("prepare", "checks"))["rows"]
    assert (rows["read"], rows["quarantined"]) == (400, 0)


def test_trials_ran_as_jobs_and_the_best_bundle_came_back(place: Place, line: Steps, tmp_path: Path) -> None:
    """Both read their rows from the store, under an account without rights; the winner's own bundle is the output."""
    (experiment,) = place.cluster.list(EXPERIMENTS)
    pods = place.cluster.list(PODS, labels=TRIAL_LABEL)
    assert len(trial_jobs(place)) == len(pods) == 2
    for pod in pods:
        assert pod["spec"]["serviceAccountName"] == "headrace-trial"
        assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["tmp"], "a token would be a volume"
        assert pod["status"]["phase"] == "Succeeded"
        assert place.inside.secret_key not in said(place.cluster, pod["metadata"]["name"])
    found = read_json(line.artifact("tune", "trials"))["trials"]
    assert [trial["status"] for trial in found] == ["succeeded"] * 2
    assert all(trial["name"].startswith(experiment["metadata"]["name"]) for trial in found)
    best = read_json(line.artifact("tune", "best_parameters"))
    bundle = open_bundle(line.artifact("tune", "best_bundle"))
    assert bundle.model().parameters == best["parameters"]
    assert best["score"] == max(trial["score"] for trial in found)
    winner = next(trial for trial in found if trial["score"] == best["score"])
    assert open_bundle(fetch(winner["bundle"], tmp_path / "bundle", settings=place.outside)).digest == bundle.digest


def test_the_lines_endpoint_answers_as_its_bundle_says(place: Place, platform: Controller, line: Steps) -> None:
    """What the step published is what the InferenceService serves, and every test case is answered so."""
    bundle = open_bundle(line.artifact("package", "bundle"))
    endpoint = read_json(line.artifact("deploy", "endpoint"))
    assert (endpoint["digest"], endpoint["name"]) == (bundle.digest, "customers")
    assert (
        endpoint["url"]
        == f"http://customers-predictor.{place.cluster.namespace}.svc.cluster.local/v1/models/customers:predict"
    )
    found = verify(endpoint["url"], bundle=bundle, gateway=platform.ingress.address)
    assert found["failures"] == []
    assert "<html" in line.artifact("report", "report").read_text()
