"""``hr.deploy``: what is told to KServe's deployer; that itself is tested on a real API server elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import headrace.api as hr
from headrace.api import deployment
from headrace.serving.deployment.local import Endpoint
from headrace.serving.deployment.target import DeploymentTarget

URI = "s3://headrace/models/a/b/"


@dataclass
class _Deployer:
    target: Any
    calls: list[tuple[str, str]] = field(default_factory=list)

    def deploy(self, uri: str, *, name: str) -> Endpoint:
        """Say that it is live."""
        self.calls.append((uri, name))
        return Endpoint(url="http://a.models.example/v1/models/a:predict", name=name, digest="b", platform="kserve")


def test_a_deployment_is_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the options of the command, which have its defaults; requests go through the gateway."""
    targets: list[DeploymentTarget] = []
    deployer = _Deployer(SimpleNamespace(gateway="203.0.113.7:80"))

    def choose(target: DeploymentTarget, **_: object) -> _Deployer:
        targets.append(target)
        return deployer

    monkeypatch.setattr(deployment, "create_deployer", choose)
    endpoint = hr.deploy(URI, name="a", namespace="models", max_replicas=3)
    assert targets == [DeploymentTarget(platform="kserve", namespace="models", max_replicas=3, deadline="10m")]
    assert deployer.calls == [(URI, "a")]
    assert (endpoint.url, endpoint.gateway) == ("http://a.models.example/v1/models/a:predict", "203.0.113.7:80")


def test_the_keywords_are_the_commands_options() -> None:
    """With its defaults; what prints or removes is not among them."""
    import inspect

    from headrace.cli.cluster.deploy import deploy

    command = {name: one.default for name, one in inspect.signature(deploy).parameters.items()}
    function = {name: one.default for name, one in inspect.signature(hr.deploy).parameters.items()}
    both = command.keys() - {"model", "manifest", "delete", "verbose"}
    assert {name: command[name] for name in both} == {name: function[name] for name in both}
    assert function.keys() - both == {"model", "progress"}


def test_without_a_store_nothing_is_deployed(folder: Path) -> None:
    """The sentence says which variables to set."""
    with pytest.raises(hr.InputError, match="HEADRACE_S3_ENDPOINT"):
        hr.deploy("headrace-out/customers", name="a")
    with pytest.raises(hr.InputError, match="must be published before a cluster can serve it"):
        deployment.publish_model("headrace-out/customers")
    with pytest.raises(hr.InputError, match="HEADRACE_S3_ENDPOINT"):
        hr.undeploy("a")
