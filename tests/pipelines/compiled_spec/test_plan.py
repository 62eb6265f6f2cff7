"""A compiled pipeline is read, and what a target does with it is told."""

import inspect
from pathlib import Path

import pytest
import yaml

import headrace.components as shelf
from headrace.cluster.api.kinds import CLAIMS, CONFIG_MAPS, SECRETS
from headrace.core.base.diagnostics import Diagnostic
from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.secret_names import RECORDS_SECRET, STORE_SECRET
from headrace.pipelines.compiled_spec.plan import CompiledPlan, PlanStep, read_plan
from headrace.pipelines.compiled_spec.requirements import NAMESPACES, WHERE, cluster_requirements, find_ignored_features
from headrace.pipelines.compiled_spec.unsupported_features import ARGUMENT_BYTES, SETTINGS, find_unsupported
from tests.conftest import REPOSITORY
from tests.pipelines.made_pipeline import IMAGE, compile_made

COMPILED = REPOSITORY / "pipelines" / "compiled"

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::RuntimeWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module", params=[False, True], ids=["kfp", "kubernetes"])
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CompiledPlan:
    """A pipeline with everything in it, in both forms in which kfp compiles."""
    path = tmp_path_factory.mktemp("compiled") / "made.yaml"
    return read_plan(compile_made(path, native=request.param))


def _step(plan: CompiledPlan, name: str) -> PlanStep:
    return next(step for step in plan.steps if step.name == name)


def test_steps_are_read(plan: CompiledPlan) -> None:
    """Each with its function, its image, its form and the values that are known."""
    assert (plan.name, plan.sdk, plan.loops) == ("made", "kfp-2.17.0", {"for-loop-2": 5})
    forms = {step.name: step.form for step in plan.steps}
    assert forms == {
        "box": "container",
        "createpvc": "volume",
        "deploy": "python",
        "deploy-2": "python",
        "deploy-3": "python",
        "for-loop-2/deploy-4": "python",
        "importer": "importer",
        "read": "python",
    }
    first = _step(plan, "deploy")
    assert (first.function, first.image, first.retries, first.cached) == ("deploy", IMAGE, 2, True)
    assert first.inputs == {"name": "x", "rows": 1.0}
    assert _step(plan, "for-loop-2/deploy-4").inputs == {"name": "looped"}


def test_a_cluster_is_asked_for_all_that_is_named(plan: CompiledPlan) -> None:
    """Secrets with their keys, ConfigMaps, claims, storage classes; what the pipeline makes itself is not asked for."""
    needs = cluster_requirements(plan)
    named = {(one.kind, one.name): one for one in needs.references}
    assert set(named) == {
        *((SECRETS, name) for name in ("db", "by-default", "certificates", "registry")),
        *((CONFIG_MAPS, name) for name in ("settings", "files")),
        (CLAIMS, "archive"),
    }
    database = named[SECRETS, "db"]
    assert (database.keys, database.optional, database.by) == (("password", "user"), False, ("deploy", "deploy-2"))
    assert needs.storage_classes == {"slow": ("createpvc",), "": ("deploy",), "fast": ("the workspace",)}
    assert needs.purposes == {"run", "deploy"}


def test_a_pods_wishes_are_read(plan: CompiledPlan) -> None:
    """Requests, or limits where there is no request, accelerators, nodes and taints."""
    pods = {pod.by: pod for pod in cluster_requirements(plan).pods}
    assert pods["deploy"].requests == {"cpu": "2", "memory": "4G", "nvidia.com/gpu": "1"}
    assert pods["deploy"].labels == {"disk": "ssd"}
    assert pods["deploy"].tolerations == ({"key": "team", "operator": "Exists", "effect": "NoSchedule"},)
    assert pods["deploy"].pull == "Always"
    assert pods["box"].image == "busybox"
    assert "createpvc" not in pods


def _told(findings: list[Diagnostic], words: str) -> Diagnostic:
    (found,) = [finding for finding in findings if words in finding.text]
    return found


def test_what_kubeflow_ignores_is_told(plan: CompiledPlan) -> None:
    """Retries, parameters that are too long, results that are taken from the cache, names that nobody knows yet."""
    findings = find_ignored_features(plan)
    assert _told(findings, "retries have no effect").text.startswith("deploy: ")
    assert _told(findings, "60 kB fail at the driver").state == "bad"
    acting = _told(findings, "instead of acting again")
    assert acting.text.startswith("deploy, deploy-2, deploy-3, for-loop-2/deploy-4: ")
    assert "set_caching_options(False)" in acting.remedy
    assert _told(findings, "they cannot be checked now").text == (
        "the names of deploy's secretAsEnv are parameters of a run: they cannot be checked now"
    )


def test_what_the_local_runner_drops_is_told(plan: CompiledPlan) -> None:
    """Every setting of kfp-kubernetes, resources, loops, imports, containers."""
    findings = find_unsupported(plan)
    for setting in _step(plan, "deploy").kubernetes:
        assert setting in SETTINGS
        assert _told(findings, f"{setting} is ignored")
    assert _told(findings, "not a Python component").text.startswith("box, createpvc: ")
    assert _told(findings, "not a Python component").state == "bad"
    assert _told(findings, "not downloaded").text.startswith("importer: ")
    assert _told(findings, "requests and limits").text.startswith("deploy: ")
    assert _told(findings, "at most 2 iterations").text.endswith("not 5 iterations")
    assert _told(findings, "the text python3").text.startswith("deploy-3: ")
    assert _told(findings, "workspace's size").state == "note"


def test_every_setting_of_kfp_kubernetes_has_a_sentence() -> None:
    """A new setting of a later version must be given one."""
    from kfp.kubernetes import kubernetes_executor_config_pb2

    names = {field.json_name for field in kubernetes_executor_config_pb2.KubernetesExecutorConfig.DESCRIPTOR.fields}
    assert names == set(SETTINGS)


def _one(**change: object) -> CompiledPlan:
    made = {"name": "a", "function": "f", "form": "python", "image": IMAGE, "cached": True, "retries": 0}
    return CompiledPlan(name="p", steps=(PlanStep(**{**made, **change}),))  # type: ignore[arg-type]


def test_parameters_that_are_too_long_for_a_process() -> None:
    """Linux takes no longer argument."""
    found = _told(find_unsupported(_one(inputs={"text": "x" * (ARGUMENT_BYTES + 1)})), "cannot be started")
    assert found.state == "bad"
    assert find_unsupported(_one(inputs={"text": "x" * 1000}))[1:] == []


def test_a_placeholder_that_the_runner_does_not_know() -> None:
    """It would end in an IndexError of kfp's."""
    found = _told(
        find_unsupported(_one(inputs={"name": "{{$.pipeline_job_name}} PIPELINE_JOB_RESOURCE_NAME"})), "placeholder"
    )
    assert found.state == "bad"


def test_a_step_that_works_where_it_is_needs_no_platform() -> None:
    """Purposes follow from the step's function, and from where it is told to work."""
    assert cluster_requirements(_one(function="deploy", inputs={"platform": "local"})).purposes == {"run"}
    assert cluster_requirements(_one(function="deploy", inputs={"platform": "kserve"})).purposes == {"run", "deploy"}
    assert cluster_requirements(_one(function="tune", inputs={"tuner": "katib"})).purposes == {"run", "tune"}
    assert cluster_requirements(_one(function="tune", inputs={"tuner": "katib", "search_namespace": "a"})).purposes == {
        "run"
    }
    assert cluster_requirements(_one(function="rollout", inputs={"platform": "local"})).purposes == {"run"}


@pytest.mark.parametrize("name", ["deploy", "rollout", "tune"])
def test_where_a_step_works_is_one_of_its_parameters(name: str) -> None:
    """A component whose parameter is renamed would otherwise be taken for one that works on the cluster."""
    parameters = set(inspect.signature(getattr(shelf, name).python_func).parameters)
    assert len(parameters & set(WHERE)) == 1
    assert len(parameters & set(NAMESPACES)) == 1
    assert cluster_requirements(_one(function="tune")).purposes == {"run"}


@pytest.mark.parametrize("path", sorted(COMPILED.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_pipelines_are_read(path: Path) -> None:
    """They name the Secrets of object store and records, and nothing in them is refused anywhere."""
    plan = read_plan(path)
    needs = cluster_requirements(plan)
    assert {one.name for one in needs.references} <= {STORE_SECRET, RECORDS_SECRET}
    assert not [
        finding for finding in [*find_unsupported(plan), *find_ignored_features(plan)] if finding.state == "bad"
    ]
    assert {pod.image for pod in needs.pods} == {IMAGE}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "just words",
        "[1, 2]",
        "a: [",
        yaml.safe_dump({"pipelineInfo": {"name": "x"}}),
        yaml.safe_dump({"pipelineInfo": {"name": "x"}, "root": {"dag": {"tasks": {"a": {}}}}, "deploymentSpec": {}}),
        yaml.safe_dump({"kind": "PipelineVersion", "spec": {}}),
        yaml.safe_dump({"kind": "Pod"}),
        "\x00",
    ],
)
def test_a_file_that_is_no_compiled_pipeline(document: str, tmp_path: Path) -> None:
    """It is said what was wanted, in one sentence."""
    path = tmp_path / "p.yaml"
    path.write_text(document)
    with pytest.raises(InputError, match=r"p\.yaml must be a compiled pipeline.*compile it with"):
        read_plan(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is missing, and not wrong."""
    with pytest.raises(MissingError, match="there is no file"):
        read_plan(tmp_path / "none.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor is a picture."""
    with pytest.raises(InputError, match="must be a compiled pipeline"):
        read_plan(tmp_path)
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="must be a compiled pipeline"):
        read_plan(tmp_path / "picture")
