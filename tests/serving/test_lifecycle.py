"""Servers under load: swaps, broken versions, killed workers, draining; every answer is some version's answer."""

import http.client
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.serving.deployment.client import EndpointClient
from tests.made_bundle import make_bundle
from tests.serving.conftest import GOOD, Running, running

pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Another version of the model, with other answers."""
    return make_bundle(tmp_path_factory.mktemp("other"), family="random_forest")


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def place(bundle: Bundle, folder: Path) -> None:
    """Put a bundle where a server reads it, all at once."""
    part = folder.with_name("part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(bundle.folder, part)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


class Load:
    """Clients that ask without a pause, and what they got."""

    def __init__(self, url: str, clients: int = 3) -> None:
        self.url = url
        self.answers: list[Any] = []
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    @contextmanager
    def on(self) -> Iterator["Load"]:
        """Ask for the length of the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join(30)

    def _ask(self) -> None:
        body = json.dumps({"instances": [GOOD]})
        with urllib3.PoolManager(retries=False, timeout=10) as pool:
            while not self._ended.is_set():
                try:
                    reply = pool.request("POST", self.url, body=body)
                except urllib3.exceptions.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if reply.status != 200:
                    self.failures.append(reply.data.decode())
                else:
                    self.answers.append(reply.json()["predictions"][0])


def answer_of(server: Running) -> Any:
    """What the server answers now."""
    return server.remote.predict([GOOD]).document["predictions"][0]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_new_version_swaps_in_under_load_without_a_failed_request(
    bundle: Bundle, other: Bundle, tmp_path: Path, workers: str
) -> None:
    """By SIGHUP, there and back; the digest tells which version answers, and there are only two answers."""
    folder = tmp_path / "model"
    place(bundle, folder)
    with running(folder, tmp_path / "server", "--workers", workers) as server:
        first = answer_of(server)
        with Load(server.remote.url).on() as load:
            for version in (other, bundle, other):
                place(version, folder)
                server.process.send_signal(signal.SIGHUP)
                until(lambda version=version: {server.remote.digest() for _ in range(20)} == {version.digest})
        assert load.failures == []
        assert len(load.answers) > 50
        seen = {json.dumps(answer, sort_keys=True) for answer in [first, *load.answers]}
        assert len(seen) == 2
        until(lambda: server.metric('headrace_model_reloads_total{result="loaded"}') >= 3 * int(workers))


def test_a_broken_version_is_refused_and_the_old_one_goes_on(bundle: Bundle, other: Bundle, tmp_path: Path) -> None:
    """A changed byte, another name, wrong answers, nothing at all: one sentence, and no change."""
    folder = tmp_path / "model"
    place(bundle, folder)
    with running(folder, tmp_path / "server", "--repository") as server:
        before = answer_of(server)
        with Load(server.remote.url).on() as load:
            for spoil in (_change_a_byte, _break_the_cases, shutil.rmtree):
                place(other, folder)
                spoil(folder)
                status, answer, _ = server.ask("POST", "/v2/repository/models/customers/load", b"{}")
                assert status == 400
                assert answer["error"].endswith(".")
                assert server.ask("GET", "/v2/health/ready")[0] == 200
        assert load.failures == []
        assert all(answer == before for answer in load.answers)
        assert server.metric('headrace_model_reloads_total{result="refused"}') == 3
        place(other, folder)
        assert server.ask("POST", "/v2/repository/models/customers/load", b"{}")[1]["version"] == other.digest
        assert server.remote.digest() == other.digest


def _change_a_byte(folder: Path) -> None:
    path = folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _break_the_cases(folder: Path) -> None:
    """A bundle whose digests fit and whose answers do not."""
    from headrace.core.bundles import integrity, manifest

    path = folder / "cases.json"
    content = json.loads(path.read_text())
    for case in content["cases"]:
        case["expected"]["probabilities"]["no"] = 0.123
    path.write_text(json.dumps(content))
    (folder / manifest.MANIFEST).write_text(integrity.make(folder, "customers").dumps())
    open_bundle(folder)


def test_an_unloaded_model_is_not_ready_and_comes_back(bundle: Bundle, tmp_path: Path) -> None:
    """Live all the while, for liveness does not depend on the model."""
    with running(bundle.folder, tmp_path / "server", "--repository") as server:
        assert server.ask("POST", "/v2/repository/models/customers/unload", b"{}")[0] == 200
        assert server.ask("GET", "/v2/health/live")[1] == {"live": True}
        assert server.ask("GET", "/v2/health/ready")[0] == 503
        assert server.remote.predict([GOOD]).status == 503
        assert server.ask("POST", "/v2/repository/models/customers/load", b"")[0] == 200
        assert server.remote.predict([GOOD]).status == 200


def workers_of(server: Running) -> list[int]:
    """The processes of a server's workers."""
    return [
        int(text) for text in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    ]


def test_a_killed_worker_is_replaced_and_its_counts_remain(bundle: Bundle, tmp_path: Path) -> None:
    """The port answers again at once, counters never go back, and the workers end with their parent."""
    with running(bundle.folder, tmp_path / "server", "--workers", "2") as server:
        for _ in range(20):
            with EndpointClient.at(server.remote.url) as own:
                assert own.predict([GOOD]).status == 200
        until(lambda: server.metric("headrace_rows_total") == 20)
        killed = workers_of(server)[0]
        used, start = server.metric("process_cpu_seconds_total"), server.metric("process_start_time_seconds")
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in workers_of(server) and len(workers_of(server)) == 2)
        assert server.metric("process_cpu_seconds_total") >= used
        assert server.metric("process_start_time_seconds") == start, "the server has not been started again"
        for _ in range(20):
            with EndpointClient.at(server.remote.url) as own:
                assert own.predict([GOOD]).status == 200
        until(lambda: server.metric("headrace_rows_total") == 40)
        assert server.metric("headrace_in_flight_requests") <= 1
        left = workers_of(server)
        server.process.kill()
        server.process.wait(10)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_a_draining_server_answers_on_but_is_not_ready(bundle: Bundle, tmp_path: Path) -> None:
    """After SIGTERM the endpoint is taken out of service before connections are closed."""
    with running(bundle.folder, tmp_path / "server", "--drain-seconds", "2") as server:
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.ask("GET", "/v2/health/ready")[0] == 503)
        assert server.remote.predict([GOOD]).status == 200
        assert server.ask("GET", "/v2/health/live")[0] == 200
        assert server.process.wait(15) == 0


def test_a_draining_server_sends_kept_connections_elsewhere(bundle: Bundle, tmp_path: Path) -> None:
    """With its last answer: none is closed at the end at the moment when its client sends the next request."""
    with (
        running(bundle.folder, tmp_path / "server", "--drain-seconds", "3") as server,
        closing(http.client.HTTPConnection(server.host, timeout=10)) as kept,
    ):
        for draining in (False, True):
            if draining:
                server.process.send_signal(signal.SIGTERM)
                until(lambda: server.ask("GET", "/v2/health/ready")[0] == 503)
            body = json.dumps({"instances": [GOOD]})
            kept.request("POST", f"/v1/models/{bundle.name}:predict", body, {"Content-Type": "application/json"})
            answer = kept.getresponse()
            assert answer.status == 200
            assert json.loads(answer.read())["predictions"]
            assert (answer.getheader("connection") == "close", kept.sock is None) == (draining, draining)
        assert server.process.wait(15) == 0


def test_workers_that_cannot_start_say_why_once(bundle: Bundle, tmp_path: Path) -> None:
    """A bundle that is refused is refused by the first worker, and the server ends with its exit code."""
    folder = tmp_path / "model"
    place(bundle, folder)
    _change_a_byte(folder)
    with pytest.raises(AssertionError, match=r"model.onnx is changed"), running(folder, tmp_path, "--workers", "2"):
        pass
    assert (tmp_path / "log").read_text().count("headrace: ") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hangup_while_a_server_starts_does_not_end_it(bundle: Bundle, tmp_path: Path, workers: str) -> None:
    """It waits until the model can be read again, and is not lost."""
    hangups = threading.Thread(target=_hang_up, args=(tmp_path,))
    hangups.start()
    with running(bundle.folder, tmp_path, "--workers", workers) as server:
        hangups.join(60)
        assert server.remote.predict([GOOD]).status == 200
        until(lambda: server.metric('headrace_model_reloads_total{result="loaded"}') >= 1)


def _hang_up(folder: Path) -> None:
    """Send SIGHUP to the server that is starting in ``folder``, some times, once its arguments were read."""
    deadline = time.monotonic() + 60
    found: list[int] = []
    while time.monotonic() < deadline and not (folder / "address.json").exists():
        found = found or [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if str(folder / "address.json").encode() in path.read_bytes() and _blocks_hangups(path.parent)
        ]
        for pid in found:
            os.kill(pid, signal.SIGHUP)
        time.sleep(0.01)


def _blocks_hangups(process: Path) -> bool:
    status = (process / "status").read_text()
    masks = [line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")]
    return bool(int(masks[0], 16) & (1 << (signal.SIGHUP - 1)))
