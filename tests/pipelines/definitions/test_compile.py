"""Shipped pipelines as text: with options for their steps, and as Kubernetes' own objects."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cli.main import app
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import PIPELINE_VERSIONS, PIPELINES
from headrace.cluster.kfp import pipeline_spec
from headrace.core.base.errors import InputError
from headrace.pipelines.definitions import catalogue
from headrace.pipelines.definitions.compile import NativeObjects, compile_text
from headrace.pipelines.definitions.task_options import TaskOptions, Toleration
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

COMPILED = REPOSITORY / "pipelines" / "compiled"
Documents = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(autouse=True)
def stack_without_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """KFP looks for its caller's name in the stack at each option of each task; the lines of source take a second."""
    monkeypatch.setattr(inspect, "stack", partial(inspect.stack, 0))


def documents(**options: Any) -> Documents:
    """The training line, compiled with options: its specification, and what only Kubernetes reads."""
    spec, platform = yaml.safe_load_all(compile_text("training", options=TaskOptions(**options)))
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def containers(spec: dict[str, Any]) -> dict[str, Any]:
    """Containers by the step that they run."""
    executors = spec["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): one["container"] for name, one in executors.items() if "container" in one}


def tasks(spec: dict[str, Any]) -> dict[str, Any]:
    """Tasks by name, those inside conditions too."""
    found = dict(spec["root"]["dag"]["tasks"])
    for component in spec["components"].values():
        found |= component.get("dag", {}).get("tasks", {})
    return found


def test_no_options_change_nothing() -> None:
    """What is compiled for a user who asks for nothing is what is shipped."""
    assert compile_text("training", options=TaskOptions()) == (COMPILED / "training.yaml").read_text()


def test_options_go_to_every_step_and_change_nothing_else() -> None:
    """Also to those inside conditions; without its resources the pipeline is the one that is shipped."""
    spec, _ = documents(cpu={"": "500m"}, memory={"": "2Gi"})
    shipped, _ = yaml.safe_load_all((COMPILED / "training.yaml").read_text())
    for container in containers(spec).values():
        resources = container.pop("resources")
        assert (resources["resourceCpuRequest"], resources["resourceCpuLimit"]) == ("500m", "500m")
        assert (resources["resourceMemoryRequest"], resources["resourceMemoryLimit"]) == ("2Gi", "2Gi")
    assert spec == shipped


def test_a_step_may_be_given_its_own() -> None:
    """Beside what all get; both spellings of its name are known to the command line."""
    spec, platform = documents(
        cpu={"": "1", "train": "4"}, gpu={"train": "2"}, timeout={"": "10m", "infer_contract": "90s"}
    )
    found = containers(spec)
    assert found["train"]["resources"]["resourceCpuLimit"] == "4"
    assert found["train"]["resources"]["accelerator"]["resourceCount"] == "2"
    assert found["tune"]["resources"]["resourceCpuLimit"] == "1"
    assert "accelerator" not in found["tune"]["resources"]
    assert platform["exec-infer-contract"]["activeDeadlineSeconds"] == "90"
    assert platform["exec-report"]["activeDeadlineSeconds"] == "600"


def test_nodes_are_chosen_and_secrets_stay() -> None:
    """Selectors and tolerations reach each step; the object store's keys still come from the Secret."""
    _, platform = documents(
        node_selector={"disk": "ssd"}, tolerations=(Toleration("gpu", "yes", "NoSchedule"), Toleration("spot"))
    )
    for executor in platform.values():
        assert executor["nodeSelector"] == {"labels": {"disk": "ssd"}}
        assert executor["tolerations"] == [
            {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
            {"key": "spot", "operator": "Exists"},
        ]
    assert platform["exec-publish"]["secretAsEnv"][0]["secretName"] == "headrace-object-store"


def cached(spec: dict[str, Any]) -> set[str]:
    """Tasks that may take the outputs of an earlier run."""
    return {name for name, task in tasks(spec).items() if task.get("cachingOptions", {}).get("enableCache")}


def test_the_cache_is_only_ever_turned_off() -> None:
    """A step that acts on the world never takes the outputs of an earlier run."""
    with_options, _ = documents(cpu={"": "1"})
    assert not cached(with_options) & {"fingerprint", "publish", "register", "deploy", "verify-endpoint"}
    assert {"ingest", "tune", "train"} <= cached(with_options)
    assert cached(documents(cache=False)[0]) == set()


def test_retries_and_the_image_are_set() -> None:
    """As KFP takes them."""
    spec, _ = documents(retries={"ingest": "3"}, image="registry.example/headrace-python:1")
    assert tasks(spec)["ingest"]["retryPolicy"]["maxRetryCount"] == 3
    assert "retryPolicy" not in tasks(spec)["train"]
    assert {one["image"] for one in containers(spec).values()} == {"registry.example/headrace-python:1"}


def test_an_image_by_digest_is_told_to_its_steps() -> None:
    """An image cannot know its own digest; by a tag nothing is told."""
    digest = "sha256:" + "ab" * 32
    spec, _ = documents(image=f"registry.example/headrace-python@{digest}")
    told = [one["env"] for one in containers(spec).values()]
    assert told
    assert all({"name": "HEADRACE_IMAGE_DIGEST", "value": digest} in env for env in told)
    spec, _ = documents(image="registry.example:5000/headrace-python:1")
    assert not any("env" in one for one in containers(spec).values())


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("gpu", Toleration("gpu")),
        ("gpu=yes", Toleration("gpu", "yes")),
        ("gpu:NoExecute", Toleration("gpu", "", "NoExecute")),
        ("nvidia.com/gpu=a100:NoSchedule", Toleration("nvidia.com/gpu", "a100", "NoSchedule")),
    ],
)
def test_tolerations_are_written_as_kubectl_writes_taints(text: str, taint: Toleration) -> None:
    """Key, value and effect."""
    assert Toleration.parse(text) == taint


@pytest.mark.parametrize("name", catalogue.PIPELINES)
def test_a_pipeline_compiles_to_kubernetes_objects(name: str) -> None:
    """The version holds the same specification as the file for the API."""
    pipeline, version = yaml.safe_load_all(compile_text(name, native=NativeObjects(f"{name}-1", "models")))
    own = pipeline_spec.parse(compile_text(name), source=name)
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert {one["apiVersion"] for one in (pipeline, version)} == {"pipelines.kubeflow.org/v2beta1"}
    assert {one["metadata"]["namespace"] for one in (pipeline, version)} == {"models"}
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == own.name
    assert version["metadata"]["name"] == f"{name}-1"
    assert version["spec"]["pipelineSpec"] == own.spec
    assert version["spec"].get("platformSpec", {}) == own.platform


def test_names_that_kubernetes_would_not_take_are_refused() -> None:
    """Before anything is compiled."""
    for names in ({"version": "Training 1"}, {"version": "a", "namespace": "My Space"}, {"version": "-"}):
        with pytest.raises(InputError, match="name of an object must be"):
            NativeObjects(**names)


def test_the_command_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An upload for one form, kubectl for the other; a namespace means nothing to the first."""
    path = tmp_path / "my pipeline.yaml"
    app(["compile", "preparation", "-o", str(path), "--memory", "prepare=8Gi"], standalone_mode=False)
    assert f"headrace submit '{path}'" in capsys.readouterr().out
    app(["compile", "preparation", "-o", str(path), "--native", "p-1"], standalone_mode=False)
    assert f"kubectl apply -f '{path}'" in capsys.readouterr().out
    assert [one["metadata"].get("namespace") for one in yaml.safe_load_all(path.read_text())] == [None, None]
    with pytest.raises(InputError, match="is for the objects of --native"):
        app(["compile", "preparation", "-o", str(path), "--namespace", "models"], standalone_mode=False)


@pytest.mark.kubernetes
@pytest.mark.parametrize("name", catalogue.PIPELINES)
def test_an_api_server_takes_the_objects(name: str, cluster: Cluster) -> None:
    """Applied as they are, fields checked strictly, and applied again."""
    for _ in range(2):
        for document in yaml.safe_load_all(compile_text(name, native=NativeObjects(f"{name}-1", cluster.namespace))):
            cluster.apply(document)
    (version,) = cluster.list(PIPELINE_VERSIONS)
    (pipeline,) = cluster.list(PIPELINES)
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"]
