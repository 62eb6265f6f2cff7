"""What every deployer promises, checked over both."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.errors import HeadraceError
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import lease
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.local import Deployer, Endpoint, LocalDeployer
from tests.serving.kserve_fixtures import digest, kserve_place, rclone_settings, uris

__all__ = ["kserve_place", "rclone_settings", "uris"]


@pytest.fixture(params=["local", pytest.param("kserve", marks=pytest.mark.kubernetes)])
def deployer(
    request: pytest.FixtureRequest,
    rclone_settings: StoreSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployer]:
    """Each deployer."""
    if request.param == "kserve":
        yield request.getfixturevalue("kserve_place").deployer
        return
    for key, value in rclone_settings.environment().items():
        monkeypatch.setenv(key, value)
    with lease(tmp_path / "lease") as held:
        yield LocalDeployer(lease_path=held, log=tmp_path / "log")


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"heart-{secrets.token_hex(2)}"


def answering(deployer: Deployer, endpoint: Endpoint) -> str:
    """Digest of what answers there; empty if nothing does."""
    gateway = deployer.target.gateway if isinstance(deployer, KServeDeployer) else ""
    try:
        with EndpointClient.at(endpoint.url, gateway=gateway) as remote:
            return remote.digest()
    except HeadraceError:
        return ""


def gone(deployer: Deployer, endpoint: Endpoint) -> bool:
    """Whether nothing answers there, at once or, where servers finish what they have begun, soon."""
    deadline = time.monotonic() + 60
    while answering(deployer, endpoint) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not answering(deployer, endpoint)


def test_it_answers_with_the_bundle_until_it_is_ended(deployer: Deployer, uris: list[str], name: str) -> None:
    """The record says what and where; ending it twice does nothing."""
    endpoint = deployer.deploy(uris[0], name=name)
    assert (endpoint.name, endpoint.digest, endpoint.platform) == (name, digest(uris[0]), deployer.platform)
    assert (endpoint.before, endpoint.changed) == ("", True)
    assert answering(deployer, endpoint) == digest(uris[0])
    for _ in range(2):
        deployer.undeploy(endpoint)
        assert gone(deployer, endpoint)


def test_what_is_there_already_is_left_as_it_is(deployer: Deployer, uris: list[str], name: str) -> None:
    """The second call finds it, at the same address."""
    first = deployer.deploy(uris[0], name=name)
    again = deployer.deploy(uris[0], name=name)
    assert (again.url, again.pid, again.changed, again.before) == (first.url, first.pid, False, first.digest)
    deployer.undeploy(again)


def test_a_new_version_takes_the_place_of_the_old_one(deployer: Deployer, uris: list[str], name: str) -> None:
    """The old one answers no more, wherever it was."""
    first = deployer.deploy(uris[0], name=name)
    second = deployer.deploy(uris[1], name=name)
    assert (second.digest, second.before, second.changed) == (digest(uris[1]), first.digest, True)
    assert answering(deployer, second) == digest(uris[1])
    assert answering(deployer, first) in {"", digest(uris[1])}
    deployer.undeploy(second)


def test_a_failure_leaves_what_was_there(deployer: Deployer, uris: list[str], name: str) -> None:
    """A bundle that is not there ends in a sentence, and the old version answers still."""
    missing = uris[1].replace(digest(uris[1]), "0" * 64)
    with pytest.raises(HeadraceError):
        deployer.deploy(missing, name=name)
    endpoint = deployer.deploy(uris[0], name=name)
    assert endpoint.before == "", "the failure left nothing"
    with pytest.raises(HeadraceError):
        deployer.deploy(missing, name=name)
    assert answering(deployer, endpoint) == digest(uris[0])
    assert not deployer.deploy(uris[0], name=name).changed or deployer.platform == "kserve"
    deployer.undeploy(endpoint)


def test_two_names_know_nothing_of_each_other(deployer: Deployer, uris: list[str], name: str) -> None:
    """Ending one leaves the other."""
    one, other = deployer.deploy(uris[0], name=name), deployer.deploy(uris[1], name=f"{name}-b")
    deployer.undeploy(one)
    assert gone(deployer, one)
    assert answering(deployer, other) == digest(uris[1])
    deployer.undeploy(other)
