"""Nothing stale is taken from an earlier run, and what may be taken is."""

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from kfp.compiler import Compiler

import headrace.components as shelf
from headrace.cluster.kfp import pipeline_spec
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import lease
from headrace.pipelines.compiled_spec.caching import (
    ADDRESS_PARAMETERS,
    NEVER_CACHED,
    NOT_FINGERPRINTED,
    caching_plan,
    describe_caching,
)
from headrace.pipelines.compiled_spec.plan import read_plan
from headrace.pipelines.compiled_spec.requirements import find_ignored_features
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.pipelines.definitions.compile import compile_text
from headrace.pipelines.definitions.steps import add_fingerprint_step
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

COMPILED = REPOSITORY / "pipelines" / "compiled"
# A parameter whose description speaks of one of these names something outside.
_ADDRESS = re.compile(r"\b[Pp]ath\b|address|s3://|URI\b|\bURL\b|[Ff]older or")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_shipped_pipeline_takes_nothing_stale(name: str) -> None:
    """A step that reads an address runs each time, or is given the fingerprint that a step before took just then."""
    file = pipeline_spec.read(COMPILED / f"{name}.yaml")
    found = caching_plan(file)
    assert found.stale == ()
    by_name = dict(_tasks(file.spec))
    for step in found.taken:
        runs, inputs = file.steps[step].runs, by_name[step].get("inputs", {}).get("parameters", {})
        assert runs not in NEVER_CACHED | NOT_FINGERPRINTED
        if runs in ADDRESS_PARAMETERS and ADDRESS_PARAMETERS[runs] in inputs:
            known = inputs["fingerprint"].get("taskOutputParameter", {"producerTask": ""})
            if not known["producerTask"]:
                assert inputs[ADDRESS_PARAMETERS[runs]] == {"runtimeValue": {"constant": ""}}
                continue
            asked = by_name[known["producerTask"]]["inputs"]["parameters"][known["outputParameterKey"]]
            assert asked == inputs[ADDRESS_PARAMETERS[runs]], "it is the fingerprint of the address that the step reads"
            assert known["producerTask"] in found.again


def _tasks(spec: Any) -> Iterator[tuple[str, Any]]:
    for graph in (spec["root"], *spec["components"].values()):
        yield from graph.get("dag", {}).get("tasks", {}).items()


@pytest.mark.parametrize("name", shelf.__all__)
def test_every_parameter_that_names_something_outside_is_known(name: str) -> None:
    """A component that comes to read an address is found here: by what its parameters are said to be."""
    text = inspect.getdoc(getattr(shelf, name).python_func) or ""
    wired = {"journal", "table", "stable", "candidate"} if name in {"rollout", "tune"} else set()
    told = re.findall(
        r"^    (\w+): ((?:.|\n        )*)", text.partition("Args:")[2].partition("Returns:")[0], re.MULTILINE
    )
    outside = {parameter for parameter, said in told if _ADDRESS.search(said)} - wired - {"prometheus", "fingerprint"}
    spec = getattr(shelf, name).component_spec
    outside &= {key for key, one in (spec.inputs or {}).items() if not one.type.startswith("system.")}
    assert not outside or name in NEVER_CACHED | NOT_FINGERPRINTED or outside == {ADDRESS_PARAMETERS[name]}, outside


def test_what_users_pipelines_leave_open_is_told(tmp_path: Path) -> None:
    """A cached step that reads an address without its fingerprint is named; one that reads nothing is not."""

    @dsl.pipeline(name="mine")
    def mine(source: str) -> None:
        table = shelf.ingest(source=source).outputs["table"]
        shelf.infer_contract(table=table, name="x", target="y")

    Compiler().compile(mine, str(tmp_path / "mine.yaml"))
    file = pipeline_spec.read(tmp_path / "mine.yaml")
    assert caching_plan(file).stale == ("ingest",)
    assert describe_caching(file) == [
        "may be reused from an earlier run: infer_contract",
        "may be reused though the content at its address has changed, unless set_caching_options(False): ingest",
    ]
    (warning,) = [one for one in find_ignored_features(read_plan(tmp_path / "mine.yaml")) if one.state == "warning"]
    assert warning.text.startswith(
        "ingest: an earlier result may be reused though the content at the address has changed"
    )


_RUN = """
import json, os, sys
from kfp import components, local
file, root, cache, arguments = sys.argv[1:]
local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root, enable_caching=True, cache_root=cache)
components.load_component_from_file(file)(**json.loads(arguments))
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreSettings]:
    """A local object store that the steps see."""
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "store.log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        for key, value in {**settings.environment(), "HEADRACE_LEASE": str(held)}.items():
            monkeypatch.setenv(key, value)
        yield settings


@dsl.pipeline(name="agreed")
def agreed(source: str) -> None:
    """Read a table and infer its contract."""
    known = add_fingerprint_step(source=source)
    table = shelf.ingest(source=source, fingerprint=known["source"]).outputs["table"]
    shelf.infer_contract(table=table, name="x", target="bought")


@dataclass(frozen=True)
class Runs:
    """Runs of a compiled pipeline on a table in the store, with kfp.local's cache, which knows what KFP's knows.

    Attributes:
        file: The pipeline.
        arguments: Its arguments.
        store: The store.
    """

    file: Path
    arguments: dict[str, str]
    store: StoreSettings

    def put(self, rows: int) -> None:
        """Replace the object that holds the table."""
        lines = [f"{number},{number % 7},{'yes' if number % 7 > 3 else 'no'}" for number in range(rows)]
        connect(self.store).put_bytes("raw/table.csv", "\n".join(["number,rest,bought", *lines, ""]).encode())

    def run(self, number: int) -> list[str]:
        """The steps that ran."""
        home = self.file.parent
        events = home / f"events-{number}.jsonl"
        given = json.dumps({"source": f"s3://{self.store.bucket}/raw/table.csv", **self.arguments})
        command = [sys.executable, "-c", _RUN, str(self.file), str(home / "root"), str(home / "cache"), given]
        environment = {**os.environ, "HEADRACE_EVENTS": str(events)}
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-2000:]
        told = [json.loads(line) for line in events.read_text().splitlines()]
        return [one["step"] for one in told if one["event"] == "end"]


def test_a_second_run_takes_the_same_table_and_no_other(store: StoreSettings, tmp_path: Path) -> None:
    """What follows the look at the address is taken as long as the same bytes lie there, and made anew otherwise."""
    Compiler().compile(agreed, str(tmp_path / "agreed.yaml"))
    runs = Runs(tmp_path / "agreed.yaml", {}, store)
    runs.put(200)
    assert runs.run(1) == ["fingerprint", "ingest", "infer_contract"]
    runs.put(150)
    assert runs.run(2) == ["fingerprint", "ingest", "infer_contract"]
    runs.put(200)
    assert runs.run(3) == ["fingerprint"], "the same bytes again are the same table"


@pytest.mark.slow
def test_a_whole_line_is_taken_from_the_first_run(store: StoreSettings, tmp_path: Path) -> None:
    """All steps up to the last, which acts on the world; kfp.local keeps no result of a step with mere metrics."""
    file = tmp_path / "trial.yaml"
    file.write_text(compile_text("trial"))
    result = str(tmp_path / "result.json")
    runs = Runs(file, {"target": "bought", "result": result, "positive": "yes", "budget": "1"}, store)
    runs.put(200)
    assert runs.run(1) == list(PIPELINES["trial"].steps)
    assert runs.run(2) == ["fingerprint", "evaluate", "report_metrics"]
    runs.put(150)
    assert runs.run(3) == list(PIPELINES["trial"].steps)
