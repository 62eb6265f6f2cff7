"""What every component promises, checked for each from its sample."""

import inspect
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl, local

import headrace.components as shelf
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import lease
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from tests import fork_server
from tests.conftest import Line
from tests.contracts.samples import SAMPLES, Sample
from tests.made_bundle import copy_bundle

_ACTS_ON_THE_WORLD = ("publish", "deploy", "rollout", "verify_endpoint")
_TYPES = {
    "system.Dataset": dsl.Dataset,
    "system.Model": dsl.Model,
    "system.Artifact": dsl.Artifact,
    "system.HTML": dsl.HTML,
    "system.Metrics": dsl.Metrics,
    "system.ClassificationMetrics": dsl.ClassificationMetrics,
    "system.Markdown": dsl.Markdown,
}


def test_every_component_has_a_sample() -> None:
    """A component without a sample would not be checked."""
    assert set(SAMPLES) == set(shelf.__all__)


@pytest.mark.parametrize("name", shelf.__all__)
def test_the_docstring_tells_of_every_parameter(name: str) -> None:
    """A person reads in the Kubeflow UI what each input and output is."""
    function = getattr(shelf, name).python_func
    text = inspect.getdoc(function) or ""
    assert text.splitlines()[0].endswith(".")
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^\s*{parameter}( \(.*\))?: \S", text, re.MULTILINE), parameter


@pytest.mark.parametrize("name", shelf.__all__)
def test_the_module_is_thin(name: str) -> None:
    """Signature, docstring, one call: the logic lies in a plain function that is tested without KFP."""
    path = Path(inspect.getfile(getattr(shelf, name).python_func))
    code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
    assert len([row for row in code.splitlines() if row.strip()]) <= 60


def test_every_step_of_the_catalogue_is_a_component() -> None:
    """The steps that are shown while a pipeline runs are components of the shelf."""
    for entry in PIPELINES.values():
        assert set(entry.steps) <= set(shelf.__all__)


def _path(line: Line, step: str, name: str) -> Path:
    return next((line.home / "steps").glob(f"*/**/{step.replace('_', '-')}")) / name


def _metadata(line: Line, step: str, name: str) -> dict[str, Any]:
    outputs = _path(line, step, name).parent / "executor_output.json"
    artifact = json.loads(outputs.read_text())["artifacts"][name]["artifacts"][0]
    return dict(artifact.get("metadata", {}))


def _alone(name: str, sample: Sample, line: Line, root: Path, broken: Path | None) -> None:
    """Run one component by itself under SubprocessRunner, in a fork of a process that has imported what steps need."""
    component = getattr(shelf, name)

    @dsl.pipeline(name=f"alone-{name.replace('_', '-')}")
    def alone() -> None:
        inputs = {}
        for key, (step, output) in sample.inputs.items():
            kind = component.component_spec.inputs[key].type.split("@")[0]
            path = broken if broken and key == sample.broken else _path(line, step, output)
            inputs[key] = dsl.importer(
                artifact_uri=str(path), artifact_class=_TYPES[kind], metadata=_metadata(line, step, output)
            ).output
        component(**inputs, **sample.arguments)

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", fork_server.python())
        alone()


@pytest.fixture
def store(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreSettings]:
    """A local object store that the steps of this test see, and a lease for what they start."""
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "store.log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        for key, value in {**settings.environment(), "HEADRACE_LEASE": str(held)}.items():
            monkeypatch.setenv(key, value)
        yield settings


def _filled(sample: Sample, arguments: dict[str, Any], **values: str) -> Sample:
    """The sample with its placeholders filled in."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(one) for one in value]
        return value.format(**values) if isinstance(value, str) else value

    texts = {key: fill(value) for key, value in arguments.items()}
    return Sample(texts, sample.inputs, sample.bad, sample.broken, sample.says)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in _ACTS_ON_THE_WORLD])
def test_a_component_runs_by_itself(name: str, line: Line, tmp_path: Path) -> None:
    """Given good inputs it leaves each output that its specification declares."""
    sample = _filled(SAMPLES[name], SAMPLES[name].arguments, table=str(line.table))
    _alone(name, sample, line, tmp_path, None)
    (task,) = tmp_path.glob(f"*/{name.replace('_', '-')}")
    for output, spec in (getattr(shelf, name).component_spec.outputs or {}).items():
        if spec.type.startswith("system.") and spec.type.split("@")[0] not in {
            "system.Metrics",
            "system.ClassificationMetrics",
        }:
            assert (task / output).exists(), output


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_components_that_act_on_the_world_run_by_themselves(line: Line, store: StoreSettings, tmp_path: Path) -> None:
    """Publish, deploy and verify work one after another, outside the line that made the bundle."""
    _alone("publish", SAMPLES["publish"], line, tmp_path / "a", None)
    uri = publish(_path(line, "package", "bundle"), connect(store))
    deploy = _filled(SAMPLES["deploy"], SAMPLES["deploy"].arguments, uri=uri)
    _alone("deploy", deploy, line, tmp_path / "b", None)
    endpoint = json.loads(next((tmp_path / "b").glob("*/deploy/endpoint")).read_text())
    verify = _filled(SAMPLES["verify_endpoint"], SAMPLES["verify_endpoint"].arguments, url=endpoint["url"])
    _alone("verify_endpoint", verify, line, tmp_path / "c", None)
    verification = json.loads(next((tmp_path / "c").glob("*/verify-endpoint/verification")).read_text())
    assert verification["verified"]
    assert verification["cases"] > 0
    other = publish(copy_bundle(tmp_path / "other").folder, connect(store))
    asked = {**SAMPLES["rollout"].arguments, "candidate": other, "tolerances": {"shift": 9, "latency": 9, "slow": 1}}
    _alone("rollout", _filled(SAMPLES["rollout"], asked, uri=uri, table=str(line.table)), line, tmp_path / "d", None)
    record = json.loads(next((tmp_path / "d").glob("*/rollout/record")).read_text())
    assert record["status"] in {"promoted", "rolled_back"}
    assert record["candidate"]["uri"] == other


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", SAMPLES)
def test_a_component_refuses_in_one_sentence(
    name: str, line: Line, store: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one bad input it fails as the user's mistake, in one sentence that names the thing."""
    events = tmp_path / "events.jsonl"
    monkeypatch.setitem(os.environ, "HEADRACE_EVENTS", str(events))
    sample = SAMPLES[name]
    arguments = {**sample.arguments, **sample.bad}
    bad = _filled(sample, arguments, table=str(line.table), uri="s3://headrace/models/x/0/", url="http://127.0.0.1:9")
    nonsense = tmp_path / "nonsense"
    if sample.broken and _path(line, *sample.inputs[sample.broken]).is_dir():
        nonsense.mkdir()
    else:
        nonsense.write_text("\x00 neither this nor that: [")
    with pytest.raises(RuntimeError):
        _alone(name, bad, line, tmp_path / "root", nonsense)
    last = json.loads(events.read_text().splitlines()[-1])
    assert (last["event"], last["step"], last["kind"]) == ("fail", name, "user"), last
    assert sample.says in last["error"]
    assert "\n" not in last["error"].strip()
    assert last["error"].endswith((".", "?"))
