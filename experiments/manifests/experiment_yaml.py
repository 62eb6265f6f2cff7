"""Reads Katib Experiments from YAML, and rejects those that Katib would reject, or accept and never finish."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from headrace.cluster.api import yaml_documents
from headrace.core.base.errors import InputError, MissingError, quote
from headrace.experiments.manifests import collector, katib_types, services, template, webhook
from headrace.experiments.space import algorithms, assignments
from headrace.experiments.space.experiment import (
    API_VERSION,
    ARGUMENTS,
    FAMILY_LABEL,
    KIND,
    PIPELINE,
    Experiment,
    Objective,
)
from headrace.experiments.space.search_space import SearchSpace, parameter

_LARGEST_FILE_BYTES = 1 << 20
_PARALLEL = 3  # Katib's default


def load_shipped(name: str) -> Experiment:
    """Return the Experiment that ships with Headrace under a name: a family's, or ``families``.

    Raises:
        InputError: If there is none.
    """
    source = resources.files("headrace.experiments") / "spaces" / f"{name}.yaml"
    if not name.isidentifier() or not source.is_file():
        raise InputError(f"there is no search space for the family {quote(name)}.")
    return parse(source.read_text(encoding="utf-8"), source=f"{name}.yaml")


def load(path: Path) -> Experiment:
    """Read an Experiment from a file.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not an Experiment that can be run.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE_BYTES:
            raise InputError(f"an Experiment must be smaller than 1 MiB; {path} has {size} bytes.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}; name the YAML file of an Experiment.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be a YAML file that can be read; {error}.") from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> Experiment:
    """Read an Experiment from YAML.

    Args:
        text: One YAML document.
        source: Its name in messages.

    Returns:
        The Experiment.

    Raises:
        InputError: If it is not an Experiment that can be run; the sentence names the place.
    """
    document = yaml_documents.load(text, source=source)
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise InputError(f"{source} must be a mapping of the kind {KIND}; got {quote(document)} instead.")
    if document.get("apiVersion") != API_VERSION:
        raise InputError(f"{source} must have the apiVersion {API_VERSION}; got {quote(document.get('apiVersion'))}.")
    return _experiment(katib_types.read(document, source), source)


def _experiment(document: Mapping[str, Any], source: str) -> Experiment:
    metadata, spec = (_mapping(document.get(key), f"{key} of {source}") for key in ("metadata", "spec"))
    space = _space(spec.get("parameters"), source)
    algorithm, settings = _algorithm(spec, space, source)
    pipeline, arguments = _pipeline(metadata, source)
    family = "" if pipeline else _family(metadata, space, source)
    experiment = Experiment(
        name=webhook.check_name(metadata.get("name"), source),
        family=family,
        space=space,
        objective=_objective(_mapping(spec.get("objective"), f"spec.objective of {source}"), source),
        algorithm=algorithm,
        settings=settings,
        stopping=_stopping(spec, source),
        pipeline=pipeline,
        arguments=arguments,
        document=document,
        **_counts(spec, source),
    )
    algorithms.check(
        algorithm,
        settings,
        space,
        trials=experiment.max_trials,
        parallel=experiment.parallel,
        where=f"the Experiment in {source}",
    )
    services.check_texts(algorithm, spec["parameters"], source)
    webhook.check_resuming(spec.get("resumePolicy", ""), source)
    collector.check_collector(spec.get("metricsCollectorSpec"), source, stopping=experiment.stopping is not None)
    if "trialTemplate" in spec:
        template.check_template(spec["trialTemplate"], set(space), source)
    if not pipeline:
        assignments.check(experiment)
    return experiment


def _space(items: Any, source: str) -> SearchSpace:
    if not isinstance(items, list) or not items:
        raise InputError(f"spec.parameters of {source} must be a list of parameters; got {quote(items)} instead.")
    space: dict[str, Any] = {}
    for index, item in enumerate(items):
        name, kind = parameter(item, f"spec.parameters[{index}] of {source}")
        if name in space:
            raise InputError(f"each parameter of {source} must have its own name; got {quote(name)} twice.")
        space[name] = kind
    return space


def _objective(section: Mapping[str, Any], source: str) -> Objective:
    metric, kind, goal = (section.get(key) for key in ("objectiveMetricName", "type", "goal"))
    if not isinstance(metric, str) or not webhook.METRIC.fullmatch(metric):
        raise InputError(
            f"objectiveMetricName of {source} must be a name of letters, digits, dashes and underscores; got "
            f"{quote(metric)} instead."
        )
    if kind not in {"maximize", "minimize"}:
        raise InputError(f"the objective's type of {source} must be maximize or minimize; got {quote(kind)} instead.")
    additional = section.get("additionalMetricNames", [])
    strange = next((name for name in additional if not webhook.METRIC.fullmatch(name)), None)
    if strange is not None:
        raise InputError(f"additionalMetricNames of {source} must be a list of names; got {quote(strange)} instead.")
    if metric in additional or len(set(additional)) < len(additional):
        raise InputError(
            f"additionalMetricNames of {source} must be others than {metric}, each once; got {additional}."
        )
    return Objective(
        metric=metric,
        type="maximize" if kind == "maximize" else "minimize",
        goal=None if goal is None else float(goal),
        additional=tuple(additional),
        strategies=webhook.strategies(section.get("metricStrategies", []), (metric, *additional), source),
    )


def _algorithm(spec: Mapping[str, Any], space: SearchSpace, source: str) -> tuple[str, Mapping[str, Any]]:
    section = _mapping(spec.get("algorithm"), f"spec.algorithm of {source}")
    name = section.get("algorithmName")
    if not isinstance(name, str) or name not in algorithms.SETTINGS:
        raise InputError(
            f"algorithmName of {source} must be one of {list(algorithms.SETTINGS)}; got {quote(name)} instead."
        )
    services.check_distributions(name, space, source)
    where = f"algorithmSettings of {source}"
    return name, algorithms.settings(section.get("algorithmSettings", []), algorithms.SETTINGS[name], where)


def _stopping(spec: Mapping[str, Any], source: str) -> Mapping[str, Any] | None:
    if spec.get("earlyStopping") is None:
        return None
    section = _mapping(spec["earlyStopping"], f"spec.earlyStopping of {source}")
    name = section.get("algorithmName")
    if not isinstance(name, str) or name not in algorithms.STOPPING:
        raise InputError(
            f"earlyStopping of {source} must name one of {list(algorithms.STOPPING)}; got {quote(name)} instead."
        )
    where = f"earlyStopping's algorithmSettings of {source}"
    return algorithms.settings(section.get("algorithmSettings", []), algorithms.STOPPING[name], where)


def _counts(spec: Mapping[str, Any], source: str) -> dict[str, int]:
    names = {"max_trials": ("maxTrialCount", 1), "parallel": ("parallelTrialCount", 1)}
    names["max_failed"] = ("maxFailedTrialCount", 0)
    counts = {"max_trials": 0, "parallel": _PARALLEL, "max_failed": 0}
    for field, (name, least) in names.items():
        if name in spec:
            counts[field] = webhook.count(spec[name], f"{name} of {source}", least=least)
    webhook.at_most(counts["parallel"], "parallelTrialCount", counts["max_trials"], source)
    webhook.at_most(counts["max_failed"], "maxFailedTrialCount", counts["max_trials"], source)
    return counts


def _family(metadata: Mapping[str, Any], space: SearchSpace, source: str) -> str:
    labels = _mapping(metadata.get("labels") or {}, f"metadata.labels of {source}")
    family = labels.get(FAMILY_LABEL, "")
    if isinstance(family, str) and (family or assignments.searches_families(space)):
        return family
    raise InputError(
        f"{source} must name the model family in the label {FAMILY_LABEL}, or have a categorical parameter "
        f"{assignments.FAMILY_PARAMETER} of families; got {quote(family) if family else 'neither'}."
    )


def _pipeline(metadata: Mapping[str, Any], source: str) -> tuple[str, Mapping[str, Any]]:
    annotations = _mapping(metadata.get("annotations") or {}, f"metadata.annotations of {source}")
    pipeline, arguments = annotations.get(PIPELINE, ""), annotations.get(ARGUMENTS, "{}")
    if not isinstance(pipeline, str):
        raise InputError(f"the annotation {PIPELINE} of {source} must name a file; got {quote(pipeline)} instead.")
    try:
        values = json.loads(arguments)
    except (TypeError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise InputError(
            f"the annotation {ARGUMENTS} of {source} must be a JSON object of arguments, in quotes; got "
            f"{quote(arguments)} instead."
        )
    return pipeline, values


def _mapping(value: Any, subject: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{subject} must be a mapping; got {quote(value)} instead.")
    return value
