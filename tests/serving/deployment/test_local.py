"""The deployer: an endpoint that answers with the right bundle, or nothing; and none that outlives its owner."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, InternalError
from headrace.core.bundles.bundle import Bundle
from headrace.core.runtime.processes import lease, running
from headrace.serving.deployment import local
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.factory import deploy_step
from headrace.serving.deployment.local import Endpoint, LocalDeployer
from headrace.serving.deployment.target import DeploymentTarget

# A single-threaded owner forks its servers; one with a second thread starts them anew.
_OWNER = """
import sys, threading, time
from pathlib import Path
from headrace.core.runtime.processes import lease
from headrace.serving.deployment.local import LocalDeployer
from headrace.core.runtime.forked import may_fork
folder = Path(sys.argv[1])
if sys.argv[3] == "anew":
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
assert may_fork() == (sys.argv[3] == "forked")
with lease(folder / "lease") as held:
    found = LocalDeployer(lease_path=held, log=folder / "log").deploy(sys.argv[2])
    print(found.pid, found.url, flush=True)
    time.sleep(600)
"""


def _servers(log: Path) -> list[int]:
    """Processes that run and write to ``log``: servers, started or forked, and their guards."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            streams = {str((path / "fd" / number).readlink()) for number in ("1", "2")}
        except OSError:
            continue
        if str(log) in streams:
            found.append(int(path.name))
    return [pid for pid in found if running(pid)]


def _wait_until_gone(log: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while _servers(log):
        assert time.monotonic() < deadline, "a server outlived its owner"
        time.sleep(0.05)


def _copy(bundle: Bundle, folder: Path) -> Path:
    """A bundle that a test may change."""
    return shutil.copytree(bundle.folder, folder / "bundle")


def test_an_endpoint_answers_with_the_digest_and_ends_when_told(bundle: Bundle, tmp_path: Path) -> None:
    """Deploy returns when the endpoint answers; undeploy returns when it is gone, and may be called again."""
    model = _copy(bundle, tmp_path)
    with lease(tmp_path / "lease") as held:
        local = LocalDeployer(lease_path=held, log=tmp_path / "log")
        endpoint = local.deploy(str(model), name="mine")
        assert (endpoint.name, endpoint.digest) == ("mine", bundle.digest)
        with EndpointClient.at(endpoint.url) as remote:
            assert remote.digest() == bundle.digest
        local.undeploy(endpoint)
        _wait_until_gone(tmp_path / "log")
        local.undeploy(endpoint)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("way", ["forked", "anew"])
@pytest.mark.parametrize("moment", ["starting", "answering"])
def test_a_server_dies_with_its_owner(bundle: Bundle, tmp_path: Path, moment: str, way: str) -> None:
    """SIGKILL of the owner, while the server starts or when it answers, leaves no process behind."""
    model = _copy(bundle, tmp_path)
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path), str(model), way], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    try:
        with owner.stdout as told:
            if moment == "answering":
                assert len(told.readline().split()) == 2
            else:
                while not _servers(tmp_path / "log"):
                    assert owner.poll() is None
                    time.sleep(0.02)
            owner.send_signal(signal.SIGKILL)
            owner.wait(20)
    finally:
        owner.kill()
    _wait_until_gone(tmp_path / "log")


def test_a_refused_bundle_ends_in_the_servers_own_sentence(bundle: Bundle, tmp_path: Path) -> None:
    """The user reads what the server said, without waiting for the deadline, and nothing is left."""
    model = _copy(bundle, tmp_path)
    (model / "card.md").write_text("changed")
    began = time.monotonic()
    with lease(tmp_path / "lease") as held, pytest.raises(InputError, match=r"card\.md is changed"):
        LocalDeployer(lease_path=held, log=tmp_path / "log").deploy(str(model))
    assert time.monotonic() - began < local.START_SECONDS
    assert not _servers(tmp_path / "log")


def test_a_server_that_never_answers_is_given_up(bundle: Bundle, tmp_path: Path) -> None:
    """After the deadline the sentence names the log, and the process is ended."""
    model = _copy(bundle, tmp_path)
    with (
        lease(tmp_path / "lease") as held,
        pytest.raises(InternalError, match=r"did not answer in 0 s.*log\.$"),
    ):
        LocalDeployer(lease_path=held, log=tmp_path / "log", seconds=0.02).deploy(str(model))
    _wait_until_gone(tmp_path / "log")


def test_a_lease_that_nobody_holds_starts_nothing(bundle: Bundle, tmp_path: Path) -> None:
    """The owner is gone already: the server ends at once instead of staying for ever."""
    model = _copy(bundle, tmp_path)
    (tmp_path / "lease").touch()
    with pytest.raises(InternalError, match="ended with code"):
        LocalDeployer(lease_path=tmp_path / "lease", log=tmp_path / "log").deploy(str(model))
    assert not _servers(tmp_path / "log")


def test_the_step_wants_an_owner_and_a_known_place(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a lease the endpoint would outlive everyone; each sentence says what to do."""
    monkeypatch.delenv("HEADRACE_LEASE", raising=False)
    with pytest.raises(InputError, match="HEADRACE_LEASE"):
        deploy_step(str(bundle.folder), name="", target=DeploymentTarget(), record=tmp_path / "endpoint")
    with pytest.raises(InputError, match="deployed to local or kserve; got 'moon'"):
        DeploymentTarget("moon")
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    with pytest.raises(InputError, match="HEADRACE_S3_ENDPOINT"):
        deploy_step("s3://a/models/b/c/", name="", target=DeploymentTarget("kserve"), record=tmp_path / "endpoint")
    assert list(tmp_path.iterdir()) == []


def test_the_step_records_the_endpoint(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record names URL, name, digest and process; the server's log lies beside it."""
    record = tmp_path / "endpoint"
    with lease(tmp_path / "lease") as held:
        monkeypatch.setenv("HEADRACE_LEASE", str(held))
        with monkeypatch.context() as patched:
            made = Endpoint(url="http://h:1/v1/models/m:predict", name="m", digest="d", pid=os.getpid())
            patched.setattr(local.LocalDeployer, "deploy", lambda *_, **__: made)
            facts = deploy_step(str(bundle.folder), name="m", target=DeploymentTarget("local"), record=record)
    assert facts == {"url": made.url, "name": "m", "digest": "d"}
    kept = json.loads(record.read_text())
    assert kept == {**asdict(made), "pid": os.getpid()}
    assert kept["platform"] == "local"
