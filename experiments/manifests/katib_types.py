"""The Go types of a Katib Experiment (kubeflow.org/v1beta1), and of the objects inside it.

Katib's webhook reads an Experiment into them before it checks any rule, and rejects what does not fit.
Source: ``pkg/apis/controller`` of kubeflow/katib; those of Kubernetes come from its own package of models.
"""

import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from headrace.experiments.manifests.go_types import (
    ANY,
    INT32,
    INT64,
    INT_OR_TEXT,
    NUMBER,
    TEXT,
    TRUTH,
    GoList,
    GoMap,
    GoReader,
    GoScalar,
    GoStruct,
    GoType,
)

_QUANTITY = GoScalar("float64", texts=True)
_PLAIN: Mapping[Any, GoType] = {str: TEXT, bool: TRUTH, int: INT64, float: NUMBER}


@cache
def _model(name: str) -> GoType:
    """Return the type that a model of Katib's own Python package describes."""
    from kubeflow_katib_api import models  # noqa: PLC0415 - a second of imports, for templates only

    return _annotate(getattr(models, name))


def _annotate(annotation: Any) -> GoType:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {typing.Union, types.UnionType}:
        return _annotate(next(member for member in inner if member is not type(None)))
    if origin is typing.Annotated:
        return _annotate(inner[0])
    if origin is list or origin is dict:
        return (GoList if origin is list else GoMap)(_annotate(inner[-1]))
    fields = getattr(annotation, "model_fields", None)
    if fields is None:
        return _PLAIN.get(annotation, ANY)
    if "actual_instance" in fields:  # one of some types: a port, or a quantity
        return _QUANTITY if float in typing.get_args(fields["actual_instance"].annotation) else INT_OR_TEXT
    return GoStruct({member.alias or key: _later(member.annotation) for key, member in fields.items()})


def _later(annotation: Any) -> Callable[[], GoType]:
    """Return a type lazily, because Kubernetes' types refer to each other."""
    return cache(lambda: _annotate(annotation))


def _container() -> GoType:
    return _model("IoK8sApiCoreV1Container")


def _pod() -> GoType:
    return _model("IoK8sApiCoreV1PodTemplateSpec")


_TEXTS = GoList(TEXT)
_SETTINGS = GoList(GoStruct({"name": TEXT, "value": TEXT}))
_ALGORITHM = GoStruct({"algorithmName": TEXT, "algorithmSettings": _SETTINGS})
_SPACE = GoStruct({"min": TEXT, "max": TEXT, "step": TEXT, "list": _TEXTS, "distribution": TEXT})
_OBJECTIVE = GoStruct(
    {
        "type": TEXT,
        "goal": NUMBER,
        "objectiveMetricName": TEXT,
        "additionalMetricNames": _TEXTS,
        "metricStrategies": _SETTINGS,
    }
)
_CONFIG_MAP = GoStruct(dict.fromkeys(("configMapName", "configMapNamespace", "templatePath"), TEXT))
_TEMPLATE = GoStruct(
    {
        "retain": TRUTH,
        "trialSpec": ANY,
        "configMap": _CONFIG_MAP,
        "trialParameters": GoList(GoStruct(dict.fromkeys(("name", "description", "reference"), TEXT))),
        "primaryPodLabels": GoMap(TEXT),
        **dict.fromkeys(("primaryContainerName", "successCondition", "failureCondition"), TEXT),
    }
)
_GET = GoStruct(
    {"path": TEXT, "port": INT_OR_TEXT, "host": TEXT, "scheme": TEXT, "httpHeaders": _SETTINGS},
)
_COLLECTOR = GoStruct(
    {
        "source": GoStruct(
            {
                "httpGet": _GET,
                "fileSystemPath": GoStruct(dict.fromkeys(("path", "kind", "format"), TEXT)),
                "filter": GoStruct({"metricsFormat": _TEXTS}),
            }
        ),
        "collector": GoStruct({"kind": TEXT, "customCollector": _container}),
    }
)
_METADATA = GoStruct({"name": TEXT, "namespace": TEXT, "labels": GoMap(TEXT), "annotations": GoMap(TEXT)}, closed=False)
EXPERIMENT = GoStruct(
    {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": _METADATA,
        "spec": GoStruct(
            {
                "parameters": GoList(GoStruct({"name": TEXT, "parameterType": TEXT, "feasibleSpace": _SPACE})),
                "objective": _OBJECTIVE,
                "algorithm": _ALGORITHM,
                "earlyStopping": _ALGORITHM,
                "trialTemplate": _TEMPLATE,
                **dict.fromkeys(("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount"), INT32),
                "metricsCollectorSpec": _COLLECTOR,
                "resumePolicy": TEXT,
            }
        ),
        "status": ANY,
    }
)
_JOB = GoStruct(
    {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": _METADATA,
        "spec": GoStruct(
            {
                **dict.fromkeys(("completionMode", "managedBy", "podReplacementPolicy"), TEXT),
                **dict.fromkeys(("backoffLimit", "backoffLimitPerIndex", "completions"), INT32),
                **dict.fromkeys(("maxFailedIndexes", "parallelism", "ttlSecondsAfterFinished"), INT32),
                "activeDeadlineSeconds": INT64,
                **dict.fromkeys(("manualSelector", "suspend"), TRUTH),
                **dict.fromkeys(("podFailurePolicy", "selector", "successPolicy"), ANY),
                "template": _pod,
            }
        ),
        "status": ANY,
    }
)
# Go omits these from its output when they are 0 or false, because they are not pointers.
_LEFT_OUT = frozenset(
    {"hostIPC", "hostNetwork", "hostPID", "readOnly", "stdin", "stdinOnce", "tty"}
    | {"failureThreshold", "initialDelaySeconds", "periodSeconds", "successThreshold", "timeoutSeconds", "hostPort"}
)
# Texts that may be empty, because they are pointers.
_POINTERS = frozenset({"storageClassName", "volumeName", "localhostProfile", "serviceName"})


def read(document: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return an Experiment as Katib reads it.

    Args:
        document: As Kubernetes' clients read it; see ``kubernetes_yaml``.
        source: Its name in messages.

    Raises:
        InputError: If a value is of another type than Katib's, or a field is unknown; the sentence names the path.
    """
    return typing.cast("dict[str, Any]", GoReader(source, "Katib").read(document, EXPERIMENT))


def check_job(trial: Mapping[str, Any], source: str) -> None:
    """Raise if a Job would change when Kubernetes' types read and write it, which Katib rejects.

    Args:
        trial: ``spec.trialTemplate.trialSpec``, of the kind Job.
        source: Name of the Experiment in messages.

    Raises:
        InputError: If a value is of another type, or a field is unknown, or empty where Go would omit it.
    """
    GoReader(source, "Kubernetes", _describe_loss).read(trial, _JOB, "spec.trialTemplate.trialSpec")


def _describe_loss(value: Any, kind: GoType, name: str) -> str:
    """Return why Katib would reject an empty value: it compares the Job with Go's output, which omits them."""
    empty = (
        value is None
        or (kind == TEXT and value == "" and name not in _POINTERS)
        or (isinstance(kind, GoList | GoMap) and value in ([], {}))
        or (name in _LEFT_OUT and isinstance(value, int) and not value)
    )
    return "must hold something or be left out, for Katib refuses a Job that Kubernetes would shorten" if empty else ""
