"""A real schema registry for tests: Apicurio, which has the REST API of Confluent's under ``/apis/ccompat/v7``.

Maven Central has it, and not Confluent's own.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from headrace.core.runtime.processes import free_port
from headrace.streams.schema_registry import SchemaRegistry, SchemasUnavailable
from tests.real_parts import missing

REPOSITORY = Path(__file__).parents[2]
_COMMAND = "mvn -q -f tests/real/apicurio/pom.xml dependency:unpack -DoutputDirectory=$PWD/build/apicurio"
_READY_SECONDS = 120


def _find_jar() -> Path:
    """The registry; without it or Java the test is skipped, or fails in CI.

    ``HEADRACE_TEST_APICURIO`` may name its folder.
    """
    folder = Path(os.environ.get("HEADRACE_TEST_APICURIO", "") or REPOSITORY / "build" / "apicurio")
    if not shutil.which("java"):
        missing("no Java: apt-get install openjdk-17-jre-headless")
    found = next(folder.glob("apicurio-registry-app-*-runner.jar"), None)
    if not found:
        missing(f"no Apicurio: {_COMMAND}")
    assert found
    return found


class ApicurioServer:
    """A registry's process that can be killed and started again with its data.

    Attributes:
        url: Its address.
        log: What it says.
    """

    def __init__(self, home: Path) -> None:
        self._jar, self._home, self._port = _find_jar(), home, free_port()
        self.url = f"http://127.0.0.1:{self._port}/apis/ccompat/v7"
        self.log = home / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        environment = {
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            "QUARKUS_HTTP_PORT": str(self._port),
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "h2",
            "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{self._home}/registry",
            "APICURIO_DATASOURCE_USERNAME": "sa",
            "APICURIO_DATASOURCE_PASSWORD": "sa",
        }
        command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m", "-jar", str(self._jar)]
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, cwd=self._home, stdout=stream, stderr=stream, env={**os.environ, **environment}
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()[-5000:]
            assert time.monotonic() < deadline, self.log.read_text()[-5000:]
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def _answers(self) -> bool:
        try:
            SchemaRegistry(self.url).check()
        except SchemasUnavailable:
            return False
        return True


@contextlib.contextmanager
def apicurio_server() -> Iterator[ApicurioServer]:
    """Run a registry for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="headrace-apicurio-", ignore_cleanup_errors=True) as folder:
        server = ApicurioServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()
