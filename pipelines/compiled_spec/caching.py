"""What of a pipeline may be taken from an earlier run, and what reads an address where something else may lie then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.cluster.kfp.pipeline_spec import PipelineFile

ACTS = frozenset({"fingerprint", "publish", "register", "deploy", "verify_endpoint", "rollout", "report_metrics"})
"""Components that act on the world, or ask it how it is: they are never to be taken from an earlier run."""
READS: Mapping[str, str] = {
    "ingest": "source",
    "infer_contract": "given",
    "tune": "experiment",
    "gate": "champion",
    "package": "answers",
}
"""Components that read an address, with its parameter; each also takes the address's ``fingerprint``."""
READS_ANEW = frozenset({"prepare"})
"""Components that read an address and take no fingerprint: they are never to be taken from an earlier run either."""


@dataclass(frozen=True)
class CachingPlan:
    """What Kubeflow Pipelines does with the steps of a pipeline when it is run again.

    Attributes:
        again: Steps that run each time.
        taken: Steps that are taken from an earlier run with the same inputs.
        stale: Steps among them that should not be: they act on the world, or read an address without its fingerprint,
            whatever lies there.
    """

    again: tuple[str, ...]
    taken: tuple[str, ...]
    stale: tuple[str, ...]


def reuse(file: PipelineFile) -> CachingPlan:
    """What is done with the steps of a compiled pipeline, by their names in it."""
    again, taken, stale = [], [], []
    for name, task in _tasks(file.spec, file.spec["root"]["dag"]):
        runs = file.steps[name].runs
        if not (task.get("cachingOptions") or {}).get("enableCache"):
            again.append(name)
            continue
        taken.append(name)
        given = (task.get("inputs") or {}).get("parameters") or {}
        if runs in READS_ANEW | ACTS or (_is_given(given.get(READS.get(runs, ""))) and "fingerprint" not in given):
            stale.append(name)
    return CachingPlan(tuple(again), tuple(taken), tuple(stale))


def describe_caching(file: PipelineFile) -> list[str]:
    """What a person is told of it, in a line each."""
    found = reuse(file)
    acting = tuple(name for name in found.stale if file.steps[name].runs in ACTS)
    lines = {
        "runs each time": found.again,
        "may be taken from an earlier run": tuple(name for name in found.taken if name not in found.stale),
        "may be taken instead of acting again, unless set_caching_options(False)": acting,
        "may be taken whatever lies at its address by then, unless set_caching_options(False)": tuple(
            name for name in found.stale if name not in acting
        ),
    }
    return [f"{text}: {', '.join(_runs(file, names))}" for text, names in lines.items() if names]


def _runs(file: PipelineFile, names: tuple[str, ...]) -> list[str]:
    """What steps run, each once."""
    return list(dict.fromkeys(file.steps[name].runs for name in names))


def _is_given(parameter: Mapping[str, Any] | None) -> bool:
    """Whether a task is given a value other than an empty text."""
    return parameter is not None and (parameter.get("runtimeValue") or {}).get("constant") != ""


def _tasks(spec: Mapping[str, Any], dag: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tasks that run something, of this graph and then of those inside it."""
    inner = []
    for name, task in dag["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            inner.append(component["dag"])
        else:
            yield name, task
    for one in inner:
        yield from _tasks(spec, one)
