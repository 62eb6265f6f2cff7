"""Spark for tests: PySpark's source package of PyPI, unpacked, whose jars also serve the tests of the Java library.

Its Python workers run in the environment of the tests, so no second environment is needed.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.conftest import REPOSITORY
from tests.real_parts import alone, missing

VERSION = "4.2.0"
_LOCK = Path(__file__).with_name("pyspark.lock")
_NEEDED = ("pyspark/", "deps/bin/", "deps/jars/", "lib/py4j-")
_MINUTES = 600
# Quick to start, quiet beside other tests, and patient on a machine that does much else.
_OPTIONS = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.executor.heartbeatInterval": "120s",
    "spark.network.timeout": "900s",
    "spark.sql.shuffle.partitions": "2",
}


class Spark(NamedTuple):
    """An unpacked Spark.

    Attributes:
        folder: The unpacked package.
        jars: The folder of its jars.
    """

    folder: Path
    jars: Path

    def variables(self, **options: str) -> dict[str, str]:
        """The environment of a process that runs Spark in itself, and Python's workers in the tests' environment.

        Args:
            options: Settings of Spark, with ``_`` for each dot.
        """
        settings = {**_OPTIONS, **{name.replace("_", "."): value for name, value in options.items()}}
        paths = [self.folder, *(self.folder / "lib").glob("py4j-*.zip"), REPOSITORY]
        submitted = " ".join(f'--conf "{name}={value}"' for name, value in settings.items())
        return {
            **os.environ,
            "SPARK_HOME": str(self.folder / "deps"),
            "PYTHONPATH": ":".join(map(str, paths)),
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_SUBMIT_ARGS": f"{submitted} pyspark-shell",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }


def run_script(script: Path, *arguments: str, variables: Mapping[str, str], folder: Path) -> str:
    """Run a program with Spark in it, and return what it prints.

    Args:
        script: The program.
        arguments: Its arguments.
        variables: Its environment.
        folder: Where it runs.
    """
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(
        command, env=dict(variables), cwd=folder, capture_output=True, text=True, timeout=_MINUTES, check=False
    )
    assert done.returncode == 0, done.stderr[-6000:]
    return done.stdout


def spark() -> Spark:
    """Spark, unpacked once; a test without it is skipped, and fails in CI.

    ``HEADRACE_TEST_PEERS`` may name a folder that keeps it between checkouts.
    """
    if not shutil.which("java"):
        missing("no Java: apt-get install openjdk-17-jdk-headless")
    place = Path(os.environ.get("HEADRACE_TEST_PEERS") or REPOSITORY / "build" / "peers")
    folder = place / f"pyspark-{VERSION}"
    with alone("pyspark"):
        if not folder.exists():
            place.mkdir(parents=True, exist_ok=True)
            _unpack(folder)
    return Spark(folder, folder / "deps" / "jars")


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pyspark-", dir=folder.parent) as scratch:
        given = ["--quiet", "--no-deps", "--no-build-isolation", "--require-hashes", "--dest", scratch]
        command = [sys.executable, "-m", "pip", "download", *given, "--requirement", str(_LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MINUTES, check=False)
        if done.returncode:
            missing(f"no Spark ({done.stderr.strip()[-300:]}): python -m pip download --no-deps pyspark=={VERSION}")
        with tarfile.open(Path(scratch) / f"pyspark-{VERSION}.tar.gz") as archive:
            top = f"pyspark-{VERSION}/"
            wanted = [item for item in archive if item.name.removeprefix(top).startswith(_NEEDED)]
            archive.extractall(scratch, members=wanted, filter="data")
        # Whole or not at all.
        (Path(scratch) / f"pyspark-{VERSION}").rename(folder)
