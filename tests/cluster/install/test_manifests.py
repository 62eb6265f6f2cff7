"""The shipped manifests keep the project's promises; no cluster is needed to see it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from headrace.cli.main import app
from headrace.cluster.api import yaml_documents
from headrace.cluster.install.manifests import InstallOptions, home, images, render
from headrace.components.base import IMAGE
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import KAFKA_SECRET
from headrace.kustomize import FOLDER, OVERLAYS
from headrace.monitoring.gauges.gauge_server import DEFAULT_PORT
from headrace.streams.topic_address import parse_topic
from tests.cluster.api_server import binary
from tests.cluster.options import OPTIONS, option

Documents = list[dict[str, Any]]
BUCKET = "$(HEADRACE_S3_BUCKET)"


@pytest.fixture(params=[*OVERLAYS, "local with options"])
def documents(request: pytest.FixtureRequest) -> Documents:
    """The objects of each overlay, and of one with the options that no overlay has."""
    overlay, _, options = request.param.partition(" ")
    return [*render(InstallOptions(overlay)), *(one for name in OPTIONS if options for one in option(name))]


def _pods(documents: Documents) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod specification of everything that runs."""
    for document in documents:
        if document["kind"] == "ServingRuntime":
            yield document["metadata"]["name"], document["spec"]
        elif document["kind"] == "InferenceService":
            yield document["metadata"]["name"], document["spec"]["predictor"]
        elif document["kind"] == "CronJob":
            yield document["metadata"]["name"], document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        elif "template" in document.get("spec", {}):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def _of(documents: Documents, kind: str) -> dict[str, dict[str, Any]]:
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}


def test_the_images_tag_is_the_packages_version(documents: Documents) -> None:
    """What is deployed is what is installed here; every image is named with a tag that does not move."""
    assert IMAGE in images(documents)
    for image in images(documents):
        tag = image.rpartition(":")[2]
        assert tag
        assert "/" not in tag
        assert tag != "latest"


def test_options_that_run_the_suites_image_name_its_version() -> None:
    """An option sets the tag of its own objects: what the base sets holds for the base alone."""
    for path in sorted((FOLDER / "components").glob("*/kustomization.yaml")):
        runs = any("headrace/headrace-python" in file.read_text() for file in path.parent.glob("*.yaml"))
        tags = [f"{one['name']}:{one['newTag']}" for one in yaml.safe_load(path.read_text()).get("images", [])]
        assert tags == ([IMAGE] if runs else []), path


def test_no_secret_has_a_value(documents: Documents) -> None:
    """Keys come into the cluster from outside; only where the registry is stands in a manifest."""
    for name, secret in _of(documents, "Secret").items():
        assert "data" not in secret
        assert set(secret.get("stringData", {})) <= ({"HEADRACE_REGISTRY"} if name == "headrace-records" else set())
    assert "headrace-object-store" in _of(documents, "Secret")


def test_nothing_runs_as_root_or_can_write(documents: Documents) -> None:
    """Every container is restricted, as Kubernetes' pod security standards mean it, and writes to volumes only."""
    names = []
    for name, pod in _pods(documents):
        for container in pod["containers"]:
            security = {**pod.get("securityContext", {}), **container["securityContext"]}
            assert security["runAsNonRoot"] is True, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name
            assert container["imagePullPolicy"] == "IfNotPresent", name
            if pod.get("restartPolicy") != "Never":  # such as the cleanup's, which ends by itself
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), name
            names.append(name)
    assert {"headrace", "headrace-cleanup"} <= set(names)


def test_the_server_is_ready_when_its_model_answers(documents: Documents) -> None:
    """KServe's own probe asks for an open port only; the arguments are ones that the server takes."""
    from headrace.serving.model.options import parse_options, parser

    runtime = _of(documents, "ServingRuntime")["headrace"]["spec"]
    (container,) = runtime["containers"]
    assert container["name"] == "kserve-container"
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    told = parse_options(parser().parse_args(container["args"]))
    assert (told.host, told.port, told.model) == ("0.0.0.0", 8080, "/mnt/models")  # noqa: S104 - in a pod
    assert container["command"] == ["python3", "-m", "headrace.serving.server"]
    assert runtime["annotations"]["prometheus.kserve.io/port"] == str(told.port)
    assert [port["containerPort"] for port in container["ports"]] == [told.port], "Knative takes one port"
    assert told.drain_seconds + told.grace_seconds < 30, "Kubernetes kills a pod after 30 s"
    assert set(runtime["protocolVersions"]) == {"v1", "v2", "grpc-v2"}
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"tmp": "/tmp"}  # noqa: S108 - the one folder of the image that may be written


def test_what_killed_steps_left_is_tidied_regularly(documents: Documents) -> None:
    """One Job at a time, with an account of its own, which is given up after an hour; its command is one of ours."""
    from headrace.cli.cluster.cluster import app

    spec = _of(documents, "CronJob")["headrace-cleanup"]["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("*/10 * * * *", "Forbid")
    assert spec["successfulJobsHistoryLimit"] + spec["failedJobsHistoryLimit"] <= 4
    job = spec["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] == 3600
    pod = job["template"]["spec"]
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("headrace-cleanup", "Never")
    labels = job["template"]["metadata"]["labels"]
    allowing = _of(documents, "NetworkPolicy")["headrace-step"]["spec"]["podSelector"]["matchLabels"]
    assert allowing.items() <= labels.items(), "else it reaches no API server"
    (container,) = pod["containers"]
    assert container["command"][:2] == ["headrace", "cluster"]
    assert container["command"][2] in {command.callback.__name__ for command in app.registered_commands}
    assert container["envFrom"] == [{"secretRef": {"name": "headrace-records", "optional": True}}], "no store's keys"


def test_whatever_is_referred_to_is_there(documents: Documents) -> None:
    """Roles, accounts, services, budgets and monitors name things that exist."""
    accounts, roles = _of(documents, "ServiceAccount"), _of(documents, "Role")
    for binding in _of(documents, "RoleBinding").values():
        assert binding["roleRef"]["name"] in roles
        assert {subject["name"] for subject in binding["subjects"]} <= set(accounts)
        assert {subject["namespace"] for subject in binding["subjects"]} == {binding["metadata"]["namespace"]}
    labels = [document["spec"]["template"]["metadata"]["labels"] for document in documents if _is_workload(document)]
    labels.append(_of(documents, "ServingRuntime")["headrace"]["spec"]["labels"])
    for document in documents:
        selector = document.get("spec", {}).get("selector")
        if document["kind"] in {"Service", "PodDisruptionBudget", "PodMonitor"}:
            wanted = selector.get("matchLabels", selector).items()
            assert any(wanted <= found.items() for found in labels), document["metadata"]["name"]
    for name, pod in _pods(documents):
        assert pod.get("serviceAccountName", "headrace-serving") in {*accounts, "default"} or _has_no_rights(pod), name
        assert _named(pod, "configMap", "configMapRef") <= set(_of(documents, "ConfigMap")), name
    secrets = {entry["name"] for entry in accounts["headrace-serving"]["secrets"]}
    assert secrets <= set(_of(documents, "Secret"))


def _has_no_rights(pod: dict[str, Any]) -> bool:
    return pod.get("automountServiceAccountToken") is False


def _named(node: Any, *keys: str) -> set[str]:
    """Names below a value that stand under one of some keys."""
    if isinstance(node, list):
        return set().union(*(_named(one, *keys) for one in node))
    if not isinstance(node, dict):
        return set()
    own = {node[key]["name"] for key in keys if key in node}
    return own.union(*(_named(one, *keys) for one in node.values()))


def _is_workload(document: dict[str, Any]) -> bool:
    return "template" in document.get("spec", {})


def test_everything_lies_in_one_namespace(documents: Documents) -> None:
    """It has Katib's label, and denies what is not allowed."""
    (namespace,) = _of(documents, "Namespace").values()
    assert namespace["metadata"]["labels"]["katib.kubeflow.org/metrics-collector-injection"] == "enabled"
    homes = {document["metadata"].get("namespace") for document in documents if document is not namespace}
    assert homes == {namespace["metadata"]["name"]}
    assert {document["metadata"]["labels"]["app.kubernetes.io/part-of"] for document in documents} == {"headrace"}
    denying = _of(documents, "NetworkPolicy")["headrace-default-deny"]["spec"]
    assert denying == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_servers_and_trials_have_no_token(documents: Documents) -> None:
    """A model and a trial have no business with the API server."""
    accounts = _of(documents, "ServiceAccount")
    for name in ("headrace-serving", "headrace-trial"):
        assert accounts[name]["automountServiceAccountToken"] is False
    bound = {s["name"] for binding in _of(documents, "RoleBinding").values() for s in binding["subjects"]}
    assert bound - {"headrace-retrain"} == {
        "headrace-pipeline",
        "headrace-deployer",
        "headrace-tuner",
        "headrace-cleanup",
    }
    without = {"headrace-collector", "headrace-monitor", "headrace-labels", "headrace-stream"}
    assert all(_has_no_rights(pod) for name, pod in _pods(documents) if name in without)


def test_commands_of_the_options_are_ones_of_ours() -> None:
    """Each container's words are a command of the suite with options that it has; the monitor's port is scraped."""
    documents = [*option("collector"), *option("monitor")]
    checked = set()
    for _, pod in _pods(documents):
        (container,) = pod["containers"]
        program, word = container["command"]
        command = typer.main.get_command(app).commands[word]  # type: ignore[attr-defined]  # a group
        command = getattr(command, "commands", {}).get("run", command)
        assert program == "headrace"
        assert command.make_context(word, list(container["args"])).params["store"] == f"s3://{BUCKET}/monitoring"
        checked.add(word)
    assert checked == {"collect", "monitor", "labels", "retrain"}
    (container,) = _of(documents, "Deployment")["headrace-monitor"]["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": DEFAULT_PORT, "name": "gauges"}]
    assert f"--gauges=0.0.0.0:{DEFAULT_PORT}" in container["args"]
    assert scraped_ports()["headrace-monitor"] == "gauges"
    assert {name for name, one in _of(documents, "CronJob").items() if one["spec"]["suspend"]} == {
        "headrace-labels",
        "headrace-retrain",
    }


def scraped_ports() -> dict[str, str]:
    """Name of the port that each PodMonitor of the option ``monitoring`` reads."""
    files = (FOLDER / "components" / "monitoring").glob("*pod-monitor.yaml")
    monitors = _of([yaml.safe_load(path.read_text()) for path in files], "PodMonitor")
    return {name: one["spec"]["podMetricsEndpoints"][0]["port"] for name, one in monitors.items()}


def test_a_stream_is_told_by_its_config_map() -> None:
    """Alone or beside a server: words of the command, with what the ConfigMap holds; no login is needed."""
    alone = _of(option("stream"), "StatefulSet")["headrace-stream"]["spec"]
    (worker,) = alone["template"]["spec"]["containers"]
    (beside,) = _of(option("stream-sidecar"), "InferenceService")["model"]["spec"]["predictor"]["containers"]
    assert alone["podManagementPolicy"] == "Parallel", "else one that is behind keeps out those that would help it"
    assert "replicas" not in alone, "else applying it again would undo an autoscaler"
    assert worker["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert beside["readinessProbe"]["httpGet"]["path"] == "/healthz", "a broker that is gone takes no server with it"
    for container, name in ((worker, "stream"), (beside, "stream-sidecar")):
        (told,) = _of(option(name), "ConfigMap").values()
        given = {**told["data"], "POD_NAME": "headrace-stream-0"}
        words = [re.sub(r"\$\((\w+)\)", lambda found: given[found[1]], word) for word in container["args"]]  # noqa: B023
        command = typer.main.get_command(app).commands["stream"]  # type: ignore[attr-defined]  # a group
        taken = command.make_context("stream", words).params
        assert {parse_topic(taken[part]).servers for part in ("source", "target", "dead_letter")} == {
            "kafka.kafka:9092"
        }
        assert (taken["group"], taken["metrics"]) == ("headrace-model", "0.0.0.0:9466")
        assert [(one["name"], one["containerPort"]) for one in container["ports"]] == [("stream-metrics", 9466)]
        assert scraped_ports()["headrace-stream"] == "stream-metrics"
        logins = {one["name"]: one["valueFrom"].get("secretKeyRef") for one in container["env"]}
        logins.pop("POD_NAME", None)
        parts = ("USER", "PASSWORD", "SECURITY_PROTOCOL", "SASL_MECHANISM", "CA_FILE", "SETTINGS_FILE")
        assert set(logins) == {f"HEADRACE_KAFKA_{part}" for part in parts}
        assert all(one == {"name": KAFKA_SECRET, "key": name, "optional": True} for name, one in logins.items())
    assert "--instance=$(POD_NAME)" in worker["args"]


def test_keda_is_told_what_the_workers_are() -> None:
    """The trigger's variables and the login's keys are ones that are there, and the target is the option's."""
    scaled = _of(option("stream-keda"), "ScaledObject")["headrace-stream"]["spec"]
    workers = _of(option("stream"), "StatefulSet")["headrace-stream"]
    target = scaled["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (workers["kind"], workers["metadata"]["name"])
    assert [target["envSourceContainerName"]] == [
        one["name"] for one in workers["spec"]["template"]["spec"]["containers"]
    ]
    (told,) = _of(option("stream"), "ConfigMap").values()
    (trigger,) = scaled["triggers"]
    assert {value for key, value in trigger["metadata"].items() if key.endswith("FromEnv")} <= set(told["data"])
    login = _of(option("stream-keda"), "TriggerAuthentication")[trigger["authenticationRef"]["name"]]["spec"]
    assert {one["name"] for one in login["secretTargetRef"]} == {KAFKA_SECRET}


def test_kserves_models_take_the_runtime() -> None:
    """Nothing of the runtime of any overlay is lost in KServe's typed client."""
    runtimes = [_of(render(InstallOptions(overlay)), "ServingRuntime")["headrace"] for overlay in OVERLAYS]
    ended = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("kserve_models.py"))],
        input=json.dumps(runtimes),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == runtimes


def test_a_namespace_whose_name_is_a_truth_stays_a_text() -> None:
    """PyYAML's own writer leaves ``y`` without quotes, which kubectl (go.yaml.in/yaml/v2) reads as true."""
    written = yaml_documents.dump_all(render(InstallOptions("local", namespace="y"))).split("\n---\n")
    found = [yaml_documents.load(text, source="local.yaml") for text in written]
    assert home(found) == "y"
    assert {document["metadata"].get("namespace", "y") for document in found} == {"y"}


def test_fitted_manifests_are_dumped_whole() -> None:
    """What is written is read back as it was."""
    found = render(
        InstallOptions("production", namespace="team-a", image_registry="registry.local:5000/mirror", endpoint="heart")
    )
    assert list(yaml.safe_load_all(yaml_documents.dump_all(found))) == found
    assert _of(found, "ScaledObject")["headrace-model"]["spec"]["scaleTargetRef"]["name"] == "heart-predictor"
    assert "heart-predictor-" in str(_of(found, "ScaledObject"))
    assert images(found) == [
        f"registry.local:5000/mirror/{path}"
        for path in (IMAGE, "library/postgres:17.6-bookworm", "mlflow/mlflow:v3.17.2-full")
    ]


@pytest.mark.parametrize(
    ("wish", "option"),
    [
        ({"overlay": "nowhere"}, "OVERLAY must be one of local, staging, production"),
        ({"namespace": "Team A"}, "--namespace"),
        ({"namespace": "a" * 64}, "--namespace"),
        ({"endpoint": "heart/1"}, "--endpoint"),
        ({"image": "a b"}, "image's name"),
    ],
)
def test_a_wish_that_cannot_be(wish: dict[str, str], option: str) -> None:
    """It is said which option is wrong."""
    with pytest.raises(InputError, match=option):
        InstallOptions(**{"overlay": "local", **wish})


@pytest.mark.kubernetes
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_fitting_does_what_kustomize_does(overlay: str, shared: bool, tmp_path: Path) -> None:
    """Another namespace, of one's own or of others, and another image give the same as an overlay of one's own."""
    own = tmp_path / "own"
    subprocess.run(["cp", "-rL", str(FOLDER), str(tmp_path / "kustomize")], check=True)
    own.mkdir()
    document = {
        "resources": [f"../kustomize/overlays/{overlay}"],
        "namespace": "team-a",
        "images": [{"name": "headrace/headrace-python", "newName": "registry.local/headrace", "newTag": "9"}],
        **({"components": ["../kustomize/components/existing-namespace"]} if shared else {}),
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(document))
    made = subprocess.run(
        [str(binary("kubectl")), "kustomize", str(own)], check=True, capture_output=True, text=True
    ).stdout
    fitted = render(InstallOptions(overlay, namespace="team-a", image="registry.local/headrace:9", shared=shared))

    def key(one: dict[str, Any]) -> tuple[str, str]:
        return one["kind"], one["metadata"]["name"]

    assert sorted(fitted, key=key) == sorted(yaml.safe_load_all(made), key=key)
