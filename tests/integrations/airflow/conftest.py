"""One real Airflow for the tests of its provider, with a played Kubeflow Pipelines beside it."""

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace_provider.airflow_api import AirflowApi
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.pipelines import tiny
from tests.real.airflow_parts import PASSWORD, PROVIDER, USER, Airflow, airflow

TOKEN = "a-made-up-token-of-kubeflow"


@dataclass
class Place:
    """What the tests have.

    Attributes:
        airflow: Airflow, with all its parts at work.
        kubeflow: The played Kubeflow Pipelines.
        folder: Tables, topics and results.
    """

    airflow: Airflow
    kubeflow: KfpServer
    folder: Path

    @property
    def api(self) -> AirflowApi:
        """The provider's own client."""
        return AirflowApi(self.airflow.url, USER, PASSWORD)

    def trigger(self, dag: str, **conf: str) -> str:
        """Start a run of a DAG; its path in the API."""
        return f"/dags/{dag}/dagRuns/{self.api.trigger(dag, conf=conf, seconds=60)}"

    def topic(self, name: str) -> Path:
        """A topic in a folder, without an event."""
        (self.folder / name / "0").mkdir(parents=True)
        return self.folder / name

    def end(self, topic: Path) -> None:
        """Put an event into a topic, which ends what waits for it."""
        part = topic / "0" / ".part"
        part.write_text('{"a": 1}\n')
        part.rename(topic / "0" / "00000000000000000000.jsonl")


def table(path: Path) -> Path:
    """A table that can be learned from."""
    rows, draw = ["id,a,b,churn"], random.Random(path.name)  # noqa: S311 - a table
    for row in range(300):
        a, b = draw.gauss(0, 1), draw.gauss(0, 1)
        rows.append(f"{row},{a:.4f},{b:.4f},{int(a + b + draw.gauss(0, 0.5) > 0)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Airflow at work with the provider, its example DAGs and those of the tests, all started once."""
    folder = tmp_path_factory.mktemp("airflow")
    home = Path(tempfile.mkdtemp(prefix="hr-"))  # short: steps start warm only where a socket's path fits
    tiny.compiled(folder / "tiny.yaml")
    for day in range(1, 4):
        table(folder / "lake" / f"2026-01-0{day}.csv")
    dags = {path.name: path.read_text() for path in (PROVIDER / "headrace_provider" / "example_dags").glob("h*.py")}
    dags["tests.py"] = Path(__file__).with_name("dags.py").read_text()
    with kubeflow_pipelines(token=TOKEN) as kubeflow:
        extra = {
            "program": sys.executable,
            "kfp_endpoint": kubeflow.address,
            "registry": str(folder / "registry.db"),
            "variables": {"HEADRACE_CATALOG": str(folder / "catalog.db")},
        }
        connections = {
            "headrace_default": {"conn_type": "headrace", "password": TOKEN, "extra": extra},
            "headrace_nowhere": {"conn_type": "headrace", "extra": {"program": "/nowhere/headrace"}},
        }
        told = {
            "HEADRACE_TEST_PLACE": str(folder),
            "HEADRACE_EXAMPLE_LAKE": str(folder / "lake"),
            "HEADRACE_EXAMPLE_HOME": str(home),
            "HEADRACE_EXAMPLE_TARGET": "churn",
            "HEADRACE_EXAMPLE_MODEL": "m-2026-01-01@latest",
            "KUBECONFIG": "/nowhere",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "120",
        }
        with airflow(folder, dags, connections, told) as made:
            made.start()
            for dag in (
                "waits",
                "fails",
                "nowhere",
                "events",
                "kubeflow_here",
                "kubeflow_deferred",
                "kubeflow_watched",
            ):
                made.unpause(dag)
            yield Place(made, kubeflow, folder)
            for run in list((folder / "airflow" / "headrace").glob("*")):
                _end(run)
    shutil.rmtree(home)


def _end(run: Path) -> None:
    """Leave no process behind where a test failed."""
    from headrace_provider.local_process import LocalProcess

    if (run / "lock").exists():
        LocalProcess(run).end(1)


def running(path: str) -> list[int]:
    """The processes that have a text in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if path in line and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found
