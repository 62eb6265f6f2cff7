"""What Katib's webhook asks of an Experiment beyond its fields: names, counts, and the template of a trial.

An Experiment is held against these wherever it is to run, so that a laptop and a cluster refuse the same ones with the
same sentence. Source: ``pkg/webhook/v1beta1/experiment/validator`` of kubeflow/katib.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from headrace.core.errors import InputError, shown
from headrace.experiments.experiment import Strategy

LONGEST_NAME = 40
METRIC = re.compile(r"[\w-]+")
"""Names of metrics that the collector's usual filter reads."""
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PLACEHOLDER = re.compile(r"\$\{trialParameters\.([^}]*)\}")
_OF_THE_TRIAL = re.compile(r"\$\{trialSpec\.(Name|Namespace|Kind|APIVersion|(Annotations|Labels)\[[^\]]+\])\}")
WORD = re.compile(r"[\w.,:/@%+=-]+|(\$\{trialParameters\.[^}]*\}|[\w.,:/@%+=-])+")
"""Words of a command that a shell reads as they stand."""
_STRATEGIES: tuple[Strategy, ...] = ("min", "max", "latest")
_STOPPABLE = ("StdOut", "File")
_COLLECTORS = (*_STOPPABLE, "TensorFlowEvent", "PrometheusMetric", "Custom", "Push")
_FORMATS = ("TEXT", "JSON")


def check_name(name: Any, where: str) -> str:
    """The name of an Experiment.

    Raises:
        InputError: If Kubernetes or Katib would refuse it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"metadata.name of {where} must be at most {LONGEST_NAME} lower-case letters, digits and dashes that begin "
            f"with a letter; got {shown(name)} instead."
        )
    return name


def count(value: Any, what: str, *, least: int) -> int:
    """A number of trials.

    Raises:
        InputError: If it is no whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{what} must be a whole number of at least {least}; got {shown(value)} instead.")
    return value


def at_most(value: int, name: str, largest: int, where: str) -> None:
    """Refuse a count above ``maxTrialCount``, if there is one.

    Raises:
        InputError: If it is above.
    """
    if largest and value > largest:
        raise InputError(f"{name} of {where} must be at most its maxTrialCount, {largest}; got {value}.")


def strategies(given: Any, metrics: Collection[str], where: str) -> dict[str, Strategy]:
    """Which of a metric's values counts, by metric.

    Raises:
        InputError: If a metric is unknown, or there is no such strategy.
    """
    if given is not None and not isinstance(given, list):
        raise InputError(f"metricStrategies of {where} must be a list; got {shown(given)} instead.")
    found: dict[str, Strategy] = {}
    for item in given or []:
        name, value = (item.get("name"), item.get("value")) if isinstance(item, Mapping) else (None, None)
        if name not in metrics or name in found:
            raise InputError(
                f"metricStrategies of {where} must name each of {sorted(metrics)} once; got {shown(item)}."
            )
        if value not in _STRATEGIES:
            raise InputError(
                f"the strategy of {name} of {where} must be one of {list(_STRATEGIES)}; got {shown(value)}."
            )
        found[str(name)] = value
    return found


def check_collector(given: Any, where: str, *, stopping: bool) -> None:
    """Refuse a collector of metrics that would find none.

    Args:
        given: ``spec.metricsCollectorSpec``, or None for standard output.
        where: What a message calls the Experiment.
        stopping: Whether trials are ended early, for which the collector must read along.

    Raises:
        InputError: If Katib would refuse it.
    """
    if given is None:
        return
    collector = given.get("collector") if isinstance(given, Mapping) else None
    kind = (collector or {}).get("kind") if isinstance(collector or {}, Mapping) else None
    if kind not in _COLLECTORS:
        raise InputError(
            f"the collector's kind of {where} must be one of {list(_COLLECTORS)}; got {shown(kind)} instead."
        )
    if stopping and kind not in _STOPPABLE:
        raise InputError(
            f"the collector's kind of {where} must be one of {list(_STOPPABLE)} to stop early; got {kind}."
        )
    source = given.get("source") or {}
    formats = _mapping(_mapping(source, where).get("filter") or {}, where).get("metricsFormat") or []
    if kind == "File":
        _check_file(_mapping(source.get("fileSystemPath") or {}, where), where, filtered=bool(formats))
    for text in formats if isinstance(formats, list) else [formats]:
        _check_format(text, where)


def _check_file(file: Mapping[str, Any], where: str, *, filtered: bool) -> None:
    path, form = file.get("path"), file.get("format")
    if file.get("kind") != "File" or not isinstance(path, str) or not path.startswith("/"):
        raise InputError(f"the collector's fileSystemPath of {where} must be of the kind File, with an absolute path.")
    if form not in _FORMATS:
        raise InputError(
            f"the collector's format of {where} must be one of {list(_FORMATS)}; got {shown(form)} instead."
        )
    if form == "JSON" and filtered:
        raise InputError(f"the collector of {where} must have no filter, since its format is JSON; leave it out.")


def _check_format(text: Any, where: str) -> None:
    try:
        groups = re.compile(text).groups if isinstance(text, str) else 0
    except re.error:
        groups = 0
    if groups < 2:
        raise InputError(
            f"each metricsFormat of {where} must be a regular expression with two groups, of a metric's name and "
            f"value; got {shown(text)} instead."
        )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"metricsCollectorSpec of {where} must hold mappings; got {shown(value)} instead.")
    return value


def check_template(template: Any, parameters: Collection[str], where: str) -> None:
    """Refuse the template of a trial that Katib would refuse, or whose parameters would not arrive.

    Args:
        template: ``spec.trialTemplate``.
        parameters: Names of the Experiment's parameters.
        where: What a message calls the Experiment.

    Raises:
        InputError: If there is anything wrong.
    """
    if not isinstance(template, Mapping):
        raise InputError(f"trialTemplate of {where} must be a mapping; got {shown(template)} instead.")
    if not template.get("primaryContainerName"):
        raise InputError(f"trialTemplate of {where} must have a primaryContainerName, whose output is read; got none.")
    trial = template.get("trialSpec")
    if template.get("configMap") is not None and trial is None:
        return
    if not isinstance(trial, Mapping) or not trial.get("kind") or not trial.get("apiVersion"):
        raise InputError(
            f"trialSpec of {where} must be an object with apiVersion and kind; got {shown(trial)} instead."
        )
    named = sorted({"name", "namespace"} & set(trial.get("metadata") or {}))
    if named:
        raise InputError(f"trialSpec of {where} must leave its metadata's name and namespace to Katib; got {named}.")
    names = _references(template.get("trialParameters"), parameters, where)
    used = {name for text in _texts(trial) for name in _PLACEHOLDER.findall(text)}
    for missing in sorted(names - used):
        raise InputError(
            f"each of trialParameters of {where} must stand in its trialSpec; {shown(missing)} does not; "
            f"write ${{trialParameters.{missing}}} where its value belongs."
        )
    for unknown in sorted(used - names):
        raise InputError(
            f"each placeholder in trialSpec of {where} must be one of trialParameters, {sorted(names)}; got "
            f"{shown(unknown)} instead."
        )


def _references(items: Any, parameters: Collection[str], where: str) -> set[str]:
    """Names of the trial's parameters, each of which refers to one of the Experiment's, and all of these."""
    if not isinstance(items, list) or not items:
        raise InputError(
            f"trialParameters of {where} must be a list of a name and a reference each; got {shown(items)}."
        )
    names: set[str] = set()
    referred: set[str] = set()
    for item in items:
        name, reference = (item.get("name"), item.get("reference")) if isinstance(item, Mapping) else (None, None)
        if not isinstance(name, str) or not isinstance(reference, str) or not name or not reference:
            raise InputError(f"each of trialParameters of {where} must have a name and a reference; got {shown(item)}.")
        if name in names or reference in referred:
            raise InputError(
                f"names and references in trialParameters of {where} must be unique; got {shown(item)} twice."
            )
        if reference not in parameters and not _OF_THE_TRIAL.fullmatch(reference):
            raise InputError(
                f"the reference of {shown(name)} in trialParameters of {where} must be one of the Experiment's "
                f"parameters, {sorted(parameters)}; got {shown(reference)}."
            )
        names.add(name)
        referred.add(reference)
    for lost in sorted(set(parameters) - referred):
        raise InputError(
            f"trialParameters of {where} must refer to each of its parameters; {shown(lost)} is not there."
        )
    return names


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
