"""The Experiment that is sent to Katib: the document of a file, completed by the trial's template.

A trial is a Job of the suite's own image that runs ``headrace.experiments.trial_job``. Values travel by environment
variables, never by arguments, because Katib's metrics collector joins the command into a shell line without quotes.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import STORE_SECRET, STORE_VARIABLES
from headrace.experiments.manifests import template as template_rules
from headrace.experiments.manifests import webhook
from headrace.experiments.space.experiment import API_VERSION, FAMILY_LABEL, KIND, PIPELINE, Experiment

CONTAINER = "trial"
COMMAND = ("python3", "-m", "headrace.experiments.trial_job")
STUDY, TRIAL, PARAMETERS = "HEADRACE_STUDY", "HEADRACE_TRIAL", "HEADRACE_TRIAL_PARAMETERS"
STUDY_ANNOTATION = "headrace/study"
_NAME_OF_TRIAL = "trialName"
_SUFFIX = 9  # a dash and eight digits, so that a second search can have the same name


@dataclass(frozen=True)
class TrialPod:
    """The pod of a trial.

    Attributes:
        image: The suite's image, with its tag.
        secret: Secret with the object store's address and keys, as ``HEADRACE_S3_*``.
        service_account: Service account; empty for the namespace's default.
        cpu: Processors, as Kubernetes writes them; requested and allowed.
        memory: Memory, likewise.
        command: Command of its container.
        environment: Further variables.
        token: Audience of a service account token that is mounted at ``token_path``; empty for none.
        token_path: Path of the token in the pod.
    """

    image: str
    secret: str = STORE_SECRET
    service_account: str = ""
    cpu: str = "1"
    memory: str = "2Gi"
    command: tuple[str, ...] = COMMAND
    environment: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    token_path: str = "/var/run/secrets/kubeflow/pipelines/token"  # noqa: S105 - a place, not a secret


def build(experiment: Experiment, *, suffix: str, study: str, pod: TrialPod) -> dict[str, Any]:
    """Return the Experiment in Katib's form.

    Args:
        experiment: The Experiment, read from a document.
        suffix: Eight characters that distinguish this search from others of the same name.
        study: URI of its trials' study.
        pod: Pod of the trials; an Experiment with a template of its own keeps that.

    Returns:
        A Kubernetes object, as plain values.

    Raises:
        InputError: If Katib would reject it.
    """
    document = copy.deepcopy(dict(experiment.document))
    name = f"{experiment.name[: webhook.LONGEST_NAME - _SUFFIX].rstrip('-')}-{suffix}"
    spec = _spec(document["spec"], experiment)
    spec.setdefault("trialTemplate", _template(experiment, study, pod))
    spec.setdefault("metricsCollectorSpec", {"collector": {"kind": "StdOut"}})
    webhook.check_name(name, experiment.name)
    template_rules.check_template(spec["trialTemplate"], set(experiment.space), experiment.name)
    _check_command(spec["trialTemplate"], experiment.name)
    labels = {FAMILY_LABEL: experiment.family} if experiment.family else {}
    pipeline = {PIPELINE: experiment.pipeline} if experiment.pipeline else {}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "labels": labels, "annotations": {STUDY_ANNOTATION: study, **pipeline}},
        "spec": spec,
    }


def _spec(document: Mapping[str, Any], experiment: Experiment) -> dict[str, Any]:
    """Return the ``spec`` of an Experiment, with every count and strategy written out."""
    spec = dict(document)
    spec["parallelTrialCount"] = experiment.parallel
    for key, count in (("maxTrialCount", experiment.max_trials), ("maxFailedTrialCount", experiment.max_failed)):
        if count:
            spec[key] = count
        else:
            spec.pop(key, None)
    objective = experiment.objective
    spec["objective"] = {
        "type": objective.type,
        "objectiveMetricName": objective.metric,
        **({} if objective.goal is None else {"goal": objective.goal}),
        **({"additionalMetricNames": list(objective.additional)} if objective.additional else {}),
        "metricStrategies": [{"name": name, "value": objective.strategy(name)} for name in objective.metrics],
    }
    spec.setdefault("resumePolicy", "Never")
    return spec


def _template(experiment: Experiment, study: str, pod: TrialPod) -> dict[str, Any]:
    names = {name: f"p{index}" for index, name in enumerate(experiment.space)}
    values = {name: f"${{trialParameters.{own}}}" for name, own in names.items()}
    variables = {
        STUDY: study,
        TRIAL: f"${{trialParameters.{_NAME_OF_TRIAL}}}",
        PARAMETERS: json.dumps(values),
        **pod.environment,
    }
    container = {
        "name": CONTAINER,
        "image": pod.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(pod.command),
        "env": [*({"name": key, "value": value} for key, value in variables.items()), *_store(pod.secret)],
        "resources": {kind: {"cpu": pod.cpu, "memory": pod.memory} for kind in ("requests", "limits")},
        "volumeMounts": [{"name": name, "mountPath": index} for name, (index, _) in _volumes(pod).items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    template = {
        "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
        "spec": {
            "restartPolicy": "Never",
            **({"serviceAccountName": pod.service_account} if pod.service_account else {}),
            "automountServiceAccountToken": False,  # trials do not use the cluster's API
            "containers": [container],
            "volumes": [{"name": name, **source} for name, (_, source) in _volumes(pod).items()],
        },
    }
    return {
        "primaryContainerName": CONTAINER,
        "trialParameters": [
            *({"name": own, "description": name, "reference": name} for name, own in names.items()),
            {"name": _NAME_OF_TRIAL, "description": "name of the trial", "reference": "${trialSpec.Name}"},
        ],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {"backoffLimit": 0, "template": template},
        },
    }


def _volumes(pod: TrialPod) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return mount path and source of each volume, by its name."""
    volumes: dict[str, tuple[str, dict[str, Any]]] = {"tmp": ("/tmp", {"emptyDir": {}})}  # noqa: S108 - the one place that a pod may write to
    if pod.token:
        folder, _, name = pod.token_path.rpartition("/")
        token = {"serviceAccountToken": {"audience": pod.token, "expirationSeconds": 7200, "path": name}}
        volumes["kfp-token"] = (folder, {"projected": {"sources": [token]}})
    return volumes


def _store(secret: str) -> list[dict[str, Any]]:
    """Return the variables with the object store's address and keys, from a Secret."""
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name, "optional": True}}}
        for name in STORE_VARIABLES
    ]


def _check_command(template: Mapping[str, Any], where: str) -> None:
    """Raise if the collector's shell would misread a command.

    Raises:
        InputError: If the primary container of a Job has no command, or one with spaces or shell metacharacters.
    """
    containers = _containers(template.get("trialSpec") or {})
    primary = next((c for c in containers if c.get("name") == template.get("primaryContainerName")), None)
    if primary is None:
        return
    words = [*(primary.get("command") or []), *(primary.get("args") or [])]
    if not primary.get("command"):
        raise InputError(
            f"the container {primary.get('name')} of {where} must have a command, because Katib would look up the "
            "image's in its registry; got none."
        )
    shell = words[:2] in (["sh", "-c"], ["bash", "-c"], ["/bin/sh", "-c"])
    strange = next((word for word in words if not shell and not template_rules.WORD.fullmatch(str(word))), None)
    if strange is not None:
        raise InputError(
            f"each word of the command of {where} must be free of spaces, quotes and shell metacharacters, because "
            f"Katib's collector passes it to a shell unquoted; got {strange!r}; pass it by an environment variable."
        )


def _containers(trial: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if trial.get("kind") != "Job":
        return []
    return list((((trial.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or [])
