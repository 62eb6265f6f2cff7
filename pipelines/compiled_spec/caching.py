"""Which steps of a pipeline may be cached, and which of them read an address whose content may have changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.cluster.kfp.pipeline_spec import PipelineFile

NEVER_CACHED = frozenset(
    {
        "collect",
        "decide",
        "deploy",
        "fingerprint",
        "join_labels",
        "monitor",
        "publish",
        "register",
        "report_metrics",
        "rollout",
        "select_rows",
        "verify_endpoint",
    }
)
"""Components that change or observe something outside the run: they must never be cached."""
ADDRESS_PARAMETERS: Mapping[str, str] = {
    "ingest": "source",
    "infer_contract": "contract_address",
    "tune": "experiment",
    "gate": "champion",
    "package": "card_answers",
}
"""Components that read an address, with its parameter; each also takes the address's ``fingerprint``."""
NOT_FINGERPRINTED = frozenset({"prepare"})
"""Components that read an address and take no fingerprint: they must never be cached either."""


@dataclass(frozen=True)
class CachingPlan:
    """Which steps Kubeflow Pipelines runs, and which it takes from its cache, when a pipeline runs again.

    Attributes:
        again: Steps that run each time.
        taken: Steps whose outputs come from an earlier run with the same inputs.
        stale: Steps among them that should run: they act outside the run, or read an address without its fingerprint,
            so that a changed content goes unnoticed.
    """

    again: tuple[str, ...]
    taken: tuple[str, ...]
    stale: tuple[str, ...]


def caching_plan(file: PipelineFile) -> CachingPlan:
    """Return which steps of a compiled pipeline run and which are cached, by their names in the pipeline."""
    again, cached, stale = [], [], []
    for name, task in _tasks(file.spec, file.spec["root"]["dag"]):
        runs = file.steps[name].runs
        if not (task.get("cachingOptions") or {}).get("enableCache"):
            again.append(name)
            continue
        cached.append(name)
        parameters = (task.get("inputs") or {}).get("parameters") or {}
        if runs in NOT_FINGERPRINTED | NEVER_CACHED or (
            _is_given(parameters.get(ADDRESS_PARAMETERS.get(runs, ""))) and "fingerprint" not in parameters
        ):
            stale.append(name)
    return CachingPlan(tuple(again), tuple(cached), tuple(stale))


def describe_caching(file: PipelineFile) -> list[str]:
    """Describe for a person which steps run and which are cached, one line for each group of steps."""
    plan = caching_plan(file)
    acting = tuple(name for name in plan.stale if file.steps[name].runs in NEVER_CACHED)
    lines = {
        "runs each time": plan.again,
        "may be reused from an earlier run": tuple(name for name in plan.taken if name not in plan.stale),
        "may be reused instead of acting again, unless set_caching_options(False)": acting,
        "may be reused though the content at its address has changed, unless set_caching_options(False)": tuple(
            name for name in plan.stale if name not in acting
        ),
    }
    return [f"{text}: {', '.join(_runs(file, names))}" for text, names in lines.items() if names]


def _runs(file: PipelineFile, names: tuple[str, ...]) -> list[str]:
    """Return the components that the steps run, each once."""
    return list(dict.fromkeys(file.steps[name].runs for name in names))


def _is_given(parameter: Mapping[str, Any] | None) -> bool:
    """Return whether a task gets a value other than an empty text."""
    return parameter is not None and (parameter.get("runtimeValue") or {}).get("constant") != ""


def _tasks(spec: Mapping[str, Any], dag: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tasks that run something, first those of this graph, then those of the graphs inside it."""
    inner = []
    for name, task in dag["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            inner.append(component["dag"])
        else:
            yield name, task
    for inner_dag in inner:
        yield from _tasks(spec, inner_dag)
