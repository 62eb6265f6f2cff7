"""A real Prometheus and a real Alertmanager for tests: Debian's binaries, temporary folders, free loopback ports."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from headrace.core.runtime.processes import free_port
from tests.real_parts import missing


def binary(name: str) -> str:
    """Path of ``prometheus``, ``promtool`` or ``prometheus-alertmanager``.

    ``HEADRACE_TEST_PROMETHEUS`` may name a folder of them; without them the test is skipped, or fails in CI.
    """
    found = shutil.which(name, path=os.environ.get("HEADRACE_TEST_PROMETHEUS")) or shutil.which(name)
    return found or missing(f"no {name}: apt-get install prometheus prometheus-alertmanager")


def promtool(*arguments: str | Path) -> str:
    """Run ``promtool`` and return what it says; the test fails with that if it fails."""
    command = [binary("promtool"), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode:
        pytest.fail(ended.stdout + ended.stderr)
    return ended.stdout


@contextlib.contextmanager
def prometheus_server(targets: dict[str, list[str]], **more: Any) -> Iterator["RunningServer"]:
    """Run a Prometheus that scrapes each second.

    Args:
        targets: Hosts and ports by job.
        **more: Further keys of its configuration.
    """
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": hosts}]} for job, hosts in targets.items()],
        **more,
    }
    command = [binary("prometheus"), "--storage.tsdb.path=data", "--log.level=warn"]
    with _running(command, config, "prometheus.yml", "--web.listen-address") as server:
        yield server


@contextlib.contextmanager
def alertmanager(receiver: str) -> Iterator["RunningServer"]:
    """Run an Alertmanager that sends all alerts to a webhook at once, also when they are resolved."""
    config = {
        "route": {"receiver": "hook", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "hook", "webhook_configs": [{"url": receiver, "send_resolved": True}]}],
    }
    command = [binary("prometheus-alertmanager"), "--storage.path=data", "--cluster.listen-address="]
    with _running(command, config, "alertmanager.yml", "--web.listen-address") as server:
        yield server


class RunningServer:
    """A server process that can be ended before its block is.

    Attributes:
        url: Its address.
        process: The process.
        log: What it prints.
    """

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = url
        self.process = process
        self.log = log

    @property
    def host(self) -> str:
        """Its host and port."""
        return self.url.removeprefix("http://")

    def end(self) -> None:
        """End it and wait until it has ended."""
        self.process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def _running(command: list[str], config: dict[str, Any], name: str, listen: str) -> Iterator[RunningServer]:
    with tempfile.TemporaryDirectory(prefix="headrace-prometheus-", ignore_cleanup_errors=True) as folder:
        home, address = Path(folder), f"127.0.0.1:{free_port()}"
        (home / name).write_text(yaml.safe_dump(config))
        log = home / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, f"--config.file={name}", f"{listen}={address}"], cwd=home, stdout=stream, stderr=stream
            )
        server = RunningServer(f"http://{address}", process, log)
        try:
            _await_ready(server)
            yield server
        finally:
            server.end()


def _await_ready(server: RunningServer) -> None:
    deadline = time.monotonic() + 60
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        while True:
            assert server.process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                if pool.request("GET", f"{server.url}/-/ready").status == 200:
                    return
            time.sleep(0.05)
