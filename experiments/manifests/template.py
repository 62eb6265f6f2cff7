"""Katib's rules for the template of a trial.

Source: ``validateTrialTemplate`` of ``pkg/webhook/v1beta1/experiment/validator``, ``applyParameters`` of
``pkg/controller.v1beta1/experiment/manifest`` and the webhook of pods, of kubeflow/katib.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.experiments.manifests import katib_types

_PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")
_OF_THE_TRIAL = re.compile(r"\$\{trialSpec\.(Name|Namespace|Kind|APIVersion|(Annotations|Labels)\[(.+)\])\}")
WORD = re.compile(r"[\w.,:/@%+=-]+|(\$\{trialParameters\.[^}]*\}|[\w.,:/@%+=-])+")
"""Words of a command that a shell reads literally."""
# Katib knows the end conditions of these kinds.
_KNOWN_JOBS = ("Job", "TFJob", "PyTorchJob", "XGBoostJob", "MPIJob", "TrainJob")
_CONFIG = ("configMapName", "configMapNamespace", "templatePath")
_CONDITIONS = ("successCondition", "failureCondition")


def check_template(template: Mapping[str, Any], parameters: Collection[str], where: str) -> None:
    """Raise if Katib would reject the template of a trial, or its parameters would not reach the trial.

    Args:
        template: ``spec.trialTemplate`` in Katib's form.
        parameters: Names of the Experiment's parameters.
        where: Name of the Experiment in messages.

    Raises:
        InputError: If so.
    """
    if not template.get("primaryContainerName"):
        raise InputError(f"trialTemplate of {where} must have a primaryContainerName, whose output is read; got none.")
    trial, config = template.get("trialSpec"), template.get("configMap") or {}
    if ("trialSpec" in template) == ("configMap" in template):
        raise InputError(
            f"trialTemplate of {where} must have a trialSpec or a configMap; got {'both' if trial else 'neither'}."
        )
    if trial is not None:
        _check_trial(trial, where)
    _check_conditions(template, trial, where)
    names = _references(template.get("trialParameters", []), parameters, where)
    if trial is None:
        absent = [name for name in _CONFIG if not config.get(name)]
        if absent:
            raise InputError(f"configMap of {where} must have a {' and a '.join(absent)}; got {quote(dict(config))}.")
        return
    _check_placeholders(trial, names, where)
    _check_metadata(template["trialParameters"], trial, where)
    if (trial["apiVersion"], trial["kind"]) == ("batch/v1", "Job"):
        katib_types.check_job(trial, where)
        _check_container(trial, template["primaryContainerName"], where)


def _check_conditions(template: Mapping[str, Any], trial: Any, where: str) -> None:
    kind = trial.get("kind") if isinstance(trial, Mapping) else None
    absent = [name for name in _CONDITIONS if not template.get(name)]
    if absent and kind not in _KNOWN_JOBS:
        raise InputError(
            f"trialTemplate of {where} must have a {' and a '.join(absent)}, for Katib knows the end of "
            f"{', '.join(_KNOWN_JOBS)} only; got {'the kind ' + quote(kind) if kind else 'a configMap'}."
        )


def _check_trial(trial: Any, where: str) -> None:
    if not isinstance(trial, Mapping) or not trial.get("kind") or not trial.get("apiVersion"):
        raise InputError(
            f"trialSpec of {where} must be an object with apiVersion and kind; got {quote(trial)} instead."
        )
    metadata = trial.get("metadata") or {}
    named = [name for name in ("name", "namespace") if isinstance(metadata, Mapping) and metadata.get(name)]
    if named:
        raise InputError(f"trialSpec of {where} must leave its metadata's name and namespace to Katib; got {named}.")


def _check_placeholders(trial: Mapping[str, Any], names: Collection[str], where: str) -> None:
    used = {name for text in _texts(trial) for name in _PLACEHOLDER.findall(text)}
    for missing in sorted(set(names) - used):
        raise InputError(
            f"each of trialParameters of {where} must stand in its trialSpec; {quote(missing)} does not; "
            f"write ${{trialParameters.{missing}}} where its value belongs."
        )
    for unknown in sorted(used - set(names)):
        raise InputError(
            f"each placeholder in trialSpec of {where} must be one of trialParameters, {sorted(names)}; got "
            f"{quote(unknown)} instead."
        )


def _check_metadata(items: Sequence[Mapping[str, str]], trial: Mapping[str, Any], where: str) -> None:
    """Raise if a parameter refers to an absent label or annotation, because Katib would never create a trial."""
    for item in items:
        match = _OF_THE_TRIAL.fullmatch(item["reference"])
        kind, key = (match.group(2), match.group(3)) if match else (None, "")
        if kind and key not in ((trial.get("metadata") or {}).get(kind.lower()) or {}):
            raise InputError(
                f"the reference of {quote(item['name'])} in trialParameters of {where} must be one of the "
                f"{kind.lower()} of its trialSpec; got {quote(key)}."
            )


def _check_container(trial: Mapping[str, Any], name: str, where: str) -> None:
    pod = ((trial.get("spec") or {}).get("template") or {}).get("spec") or {}
    names = [container.get("name") for container in pod.get("containers") or []]
    if name not in names:
        raise InputError(
            f"primaryContainerName of {where} must be one of the containers {names} of its trialSpec, or Katib makes "
            f"no pod; got {quote(name)}."
        )


def _references(items: Sequence[Mapping[str, str]], parameters: Collection[str], where: str) -> set[str]:
    """Return the names of the trial's parameters; raise unless they refer to all of the Experiment's, each once."""
    if not items:
        raise InputError(
            f"trialParameters of {where} must be a list of a name and a reference each; got {quote(items)}."
        )
    names: set[str] = set()
    referred: set[str] = set()
    for item in items:
        name, reference = item.get("name"), item.get("reference")
        if not name or not reference or {"{", "}"} & set(name):
            raise InputError(
                f"each of trialParameters of {where} must have a name and a reference, the name without "
                f"braces; got {quote(dict(item))}."
            )
        if name in names or reference in referred:
            raise InputError(
                f"names and references in trialParameters of {where} must be unique; got {quote(dict(item))} twice."
            )
        if reference not in parameters and not _OF_THE_TRIAL.fullmatch(reference):
            raise InputError(
                f"the reference of {quote(name)} in trialParameters of {where} must be one of the Experiment's "
                f"parameters, {sorted(parameters)}; got {quote(reference)}."
            )
        names.add(name)
        referred.add(reference)
    for lost in sorted(set(parameters) - referred):
        raise InputError(
            f"trialParameters of {where} must refer to each of its parameters; {quote(lost)} is not there."
        )
    return names


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts inside a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
