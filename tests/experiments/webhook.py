"""What Katib refuses, restated: its validating webhook, and its suggestion services' checks of algorithm settings.

Source: ``pkg/webhook/v1beta1/experiment/validator`` and ``pkg/suggestion/v1beta1`` of kubeflow/katib, and what was
seen on a live cluster.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ALGORITHMS: dict[str, set[str]] = {
    "random": {"random_state"},
    "grid": {"random_state"},
    "tpe": {"random_state", "gamma", "prior_weight", "n_EI_candidates"},
    "multivariate-tpe": {"random_state", "n_startup_trials", "n_ei_candidates"},
    "bayesianoptimization": {"random_state", "base_estimator", "n_initial_points", "acq_func", "acq_optimizer"},
    "cmaes": {"random_state", "sigma", "restart_strategy"},
    "sobol": set(),
    "hyperband": {"r_l", "eta", "resource_name"},
}
_META = re.compile(r"\$\{trialSpec\.(Name|Namespace|Kind|APIVersion|(Annotations|Labels)\[.+\])\}")


def refusals(document: Mapping[str, Any]) -> list[str]:
    """Why Katib would not run an Experiment."""
    spec = document["spec"]
    return [
        *_name(document["metadata"].get("name", "")),
        *_counts(spec),
        *_objective(spec.get("objective") or {}),
        *_parameters(spec.get("parameters") or []),
        *_template(spec.get("trialTemplate"), [p["name"] for p in spec.get("parameters") or []]),
        *_collector(spec.get("metricsCollectorSpec") or {"collector": {"kind": "StdOut"}}),
        *_algorithm(spec),
        *_stopping(spec.get("earlyStopping")),
    ]


def _name(name: str) -> Iterator[str]:
    if not re.match(r"^[a-z]([-a-z0-9]*[a-z0-9])?", name) or len(name) > 40:
        yield "name"


def _counts(spec: Mapping[str, Any]) -> Iterator[str]:
    most, parallel, failed = (spec.get(key) for key in ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount"))
    if parallel is None:
        parallel = 3
    if most is not None and most <= 0:
        yield "maxTrialCount"
    if parallel <= 0:
        yield "parallelTrialCount"
    if failed is not None and failed < 0:
        yield "maxFailedTrialCount"
    if most is not None and (parallel > most or (failed or 0) > most):
        yield "should be less than or equal to spec.maxTrialCount"


def _objective(objective: Mapping[str, Any]) -> Iterator[str]:
    if objective.get("type") not in {"maximize", "minimize"} or not objective.get("objectiveMetricName"):
        yield "objective"
    if objective.get("objectiveMetricName") in (objective.get("additionalMetricNames") or []):
        yield "additionalMetricNames"


def _parameters(parameters: list[Mapping[str, Any]]) -> Iterator[str]:
    if not parameters:
        yield "parameters"
    for parameter in parameters:
        space, kind = parameter.get("feasibleSpace") or {}, parameter.get("parameterType")
        if kind not in {"int", "double", "categorical", "discrete"} or not space:
            yield "parameterType"
        if space.get("distribution", "uniform") not in {"uniform", "logUniform", "normal", "logNormal"}:
            yield "distribution"
        if kind in {"int", "double"} and (space.get("list") or not space.get("min") or not space.get("max")):
            yield "min and max"
        if kind in {"categorical", "discrete"} and {"min", "max", "step"} & set(space):
            yield "list"
        if not all(isinstance(v, str) for v in space.values() if not isinstance(v, list)):
            yield "feasibleSpace takes texts"


def _template(template: Mapping[str, Any] | None, names: list[str]) -> Iterator[str]:
    if not template or not template.get("primaryContainerName") or not template.get("trialParameters"):
        yield "trialTemplate"
        return
    trial = template.get("trialSpec")
    if not trial or not trial.get("kind") or not trial.get("apiVersion"):
        yield "trialSpec"
        return
    if {"name", "namespace"} & set(trial.get("metadata") or {}):
        yield "metadata.name and metadata.namespace must be omitted"
    text, seen, referred = str(trial), set(), set()
    for parameter in template["trialParameters"]:
        name, reference = parameter.get("name", ""), parameter.get("reference", "")
        if not name or not reference or name in seen or reference in referred or "{" in name:
            yield "trialParameters"
        if reference not in names and not _META.fullmatch(reference):
            yield "reference"
        if f"${{trialParameters.{name}}}" not in text:
            yield "not found in trialTemplate"
        seen.add(name)
        referred.add(reference)
        text = text.replace(f"${{trialParameters.{name}}}", "test-value")
    if "${trialParameters." in text:
        yield "not found in trialParameters"


def _collector(given: Mapping[str, Any]) -> Iterator[str]:
    kind = (given.get("collector") or {}).get("kind")
    if kind not in {"StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "Push"}:
        yield "collector"


def _algorithm(spec: Mapping[str, Any]) -> Iterator[str]:
    algorithm = spec.get("algorithm") or {}
    name = algorithm.get("algorithmName")
    if name not in _ALGORITHMS:
        yield "algorithmName"
        return
    settings = {item["name"]: item["value"] for item in algorithm.get("algorithmSettings") or []}
    if set(settings) - _ALGORITHMS[name]:
        yield "unknown setting"
        return
    check = {"grid": _grid, "hyperband": _hyperband, "cmaes": _cmaes}.get(name)
    if check:
        yield from check(spec, settings)


def _grid(spec: Mapping[str, Any], _: Mapping[str, str]) -> Iterator[str]:
    size = 1
    for parameter in spec["parameters"]:
        space = parameter["feasibleSpace"]
        if parameter["parameterType"] in {"categorical", "discrete"}:
            size *= len(space["list"])
        elif parameter["parameterType"] == "double" and not space.get("step"):
            yield "grid needs a step"
            return
        else:
            try:
                step = float(space.get("step") or 1)
                size *= math.floor((float(space["max"]) - float(space["min"])) / step + 1e-9) + 1
            except (ValueError, ZeroDivisionError):
                yield "no number"
                return
    if (spec.get("maxTrialCount") or 0) > size:
        yield "maxTrialCount is larger than the grid"


def _hyperband(spec: Mapping[str, Any], settings: Mapping[str, str]) -> Iterator[str]:
    try:
        most, eta = float(settings["r_l"]), int(float(settings.get("eta", "3")))
    except (KeyError, ValueError):
        yield "r_l and resource_name must be set"
        return
    if settings.get("resource_name") not in [p["name"] for p in spec["parameters"]]:
        yield "resource_name"
    rungs = int(math.log(most) / math.log(eta) + 1e-12) if most >= 1 and eta > 1 else 0
    if spec.get("parallelTrialCount", 3) < math.ceil(eta**rungs):
        yield "parallelTrialCount"


def _cmaes(spec: Mapping[str, Any], _: Mapping[str, str]) -> Iterator[str]:
    if sum(p["parameterType"] in {"double", "int"} for p in spec["parameters"]) < 2:
        yield "cmaes needs two"


def _stopping(given: Mapping[str, Any] | None) -> Iterator[str]:
    if given is not None and given.get("algorithmName") != "medianstop":
        yield "earlyStopping"
