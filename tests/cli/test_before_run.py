"""``headrace submit`` says before a run what its steps will miss where Kubeflow Pipelines runs them.

The API of Kubeflow Pipelines is played and runs nothing; accounts, rights and Secrets are those of a real API server.
"""

import secrets
from collections.abc import Iterator

import pytest

from headrace.cli.main import app
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import ROLE_BINDINGS, SERVICE_ACCOUNTS, SERVING_RUNTIMES
from headrace.cluster.install.manifests import InstallOptions, render
from headrace.cluster.install.secrets import put_store_keys
from headrace.cluster.kfp import pipeline_spec
from headrace.core.base.errors import UserError
from headrace.core.base.settings import StoreSettings
from headrace.pipelines.compiled_spec.plan import plan_of
from tests.cluster.api_server import ApiServer
from tests.cluster.kfp_install import kubeflow
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.conftest import REPOSITORY

COMPILED = REPOSITORY / "pipelines" / "compiled" / "training.yaml"
STORE = StoreSettings(endpoint="http://store:9000", access_key="me", secret_key="my-s3cret")


@pytest.fixture
def server(kubernetes: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """Kubeflow Pipelines, which takes runs and does not run them."""
    monkeypatch.setattr(KfpServer, "_work", lambda *_: None)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    with kubeflow_pipelines() as played:
        monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", played.address)
        yield played


@pytest.fixture
def there(kubernetes: ApiServer) -> Iterator[Cluster]:
    """The namespace in which it runs steps."""
    with kubeflow(kubernetes.admin(), f"kfp-{secrets.token_hex(3)}") as found:
        yield found


def submit(*options: str, source: str = "s3://lake/heart.csv") -> None:
    """Submit the training pipeline, as it lies in its file."""
    arguments = ["--argument", f"source={source}", "--argument", "target=target"]
    app(["submit", str(COMPILED), *arguments, *options], standalone_mode=False)


def install(there: Cluster) -> None:
    """What the guide says, for a namespace that others use."""
    for document in render(InstallOptions("local", namespace=there.namespace, shared=True)):
        there.apply(document, manager="overlay")


@pytest.mark.kubernetes
def test_what_a_run_will_miss_is_said_before_it(
    server: KfpServer, there: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys and rights, each with its remedy; nothing is uploaded, unless one insists."""
    with pytest.raises(
        UserError, match=r"stand above\): .*or start it anyway with --ignore-preflight-errors"
    ) as caught:
        submit()
    assert "\n" not in str(caught.value)
    told = capsys.readouterr().out
    assert f"it runs steps in its own namespace, {there.namespace}, and as pipeline-runner" in told
    assert "this run as pipeline-runner" in told
    whose = "deploy, publish, fingerprint, gate and 4 more name"
    assert f"there is no Secret headrace-object-store in {there.namespace}, which {whose}" in told
    assert f"headrace cluster keys --namespace {there.namespace}" in told
    assert "pipeline-runner may not deploy with KServe: it lacks get inferenceservices" in told
    assert "there is no ServiceAccount headrace-serving" in told
    assert not server.runs
    assert not server.versions
    submit("--ignore-preflight-errors")
    (run,) = server.runs.values()
    assert "service_account" not in run.facts


@pytest.mark.kubernetes
def test_a_run_takes_the_account_that_was_installed(
    server: KfpServer, there: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an installation there nothing is missing, and one's own choice counts more."""
    install(there)
    put_store_keys(there, STORE)
    submit()
    assert "this run as headrace-pipeline" in capsys.readouterr().out
    (run,) = server.runs.values()
    assert run.facts["service_account"] == "headrace-pipeline"
    with pytest.raises(UserError, match=f"there is no ServiceAccount nobody in {there.namespace}"):
        submit("--service-account", "nobody")
    there.delete(ROLE_BINDINGS, "headrace-deployer")
    with pytest.raises(UserError, match="headrace-pipeline may not deploy with KServe"):
        submit()
    assert len(server.runs) == 1


@pytest.mark.kubernetes
def test_only_what_the_arguments_ask_for_is_missed(
    server: KfpServer, there: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that publishes nothing needs no rights for what it leaves out, and no keys for a table of the web."""
    submit("--argument", "publish=false", source="https://example.org/heart.csv")
    assert len(server.runs) == 1
    told = capsys.readouterr().out
    assert "KServe" not in told
    assert "! Secret" in told, "which a step reads if it is there"
    submit("--argument", "publish=false", "--argument", "tuner=katib", "--ignore-preflight-errors")
    assert "pipeline-runner may not search with Katib" in capsys.readouterr().out
    there.delete(SERVICE_ACCOUNTS, "pipeline-runner")
    with pytest.raises(UserError, match="there is no ServiceAccount pipeline-runner"):
        submit("--argument", "publish=false", source="https://example.org/heart.csv")


@pytest.mark.kubernetes
def test_another_cluster_than_that_of_kubeflow_is_not_examined(
    server: KfpServer, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kubeconfig may lead elsewhere; that nobody looked is said, and the run begins."""
    assert cluster.get(SERVING_RUNTIMES, "headrace") is None
    submit()
    assert (
        "it was not checked whether they find what they need: no Kubeflow Pipelines is seen" in capsys.readouterr().out
    )
    assert len(server.runs) == 1


def test_conditions_leave_steps_out() -> None:
    """By the arguments of a run, each branch of a pipeline's groups; without any all steps are there."""
    file = pipeline_spec.read(COMPILED)

    def steps(**arguments: object) -> set[str]:
        found = plan_of(file.spec, file.platform, arguments or None).steps
        return {step.name.rpartition("/")[2] for step in found}

    assert {"deploy", "publish", "register", "register-2", "report"} <= steps()
    assert "deploy" in steps(publish=True)
    assert not {"deploy", "publish", "publish-2"} & steps(publish=False)
    assert {"publish-2", "register-2", "register-3"} <= steps(serve=False)
    assert "publish" not in steps(serve=False)
    assert "deploy" not in steps(serve=False)
