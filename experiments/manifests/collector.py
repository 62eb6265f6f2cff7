"""Katib's rules for the metrics collector of an Experiment.

Source: ``validateMetricsCollector`` of ``pkg/webhook/v1beta1/experiment/validator``, and the defaults of
``experiment_defaults.go``, of kubeflow/katib.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from headrace.core.base.errors import InputError, quote

_STOPPABLE = ("StdOut", "File")
_KINDS = (*_STOPPABLE, "TensorFlowEvent", "PrometheusMetric", "Custom", "Push")
_FORMATS = ("TEXT", "JSON")
_PLACES = ("File", "Directory")
# Go reads a brace literally unless it begins a count.
_BRACE = re.compile(r"(?<!\\)(?<!\\[pPx])\{(?!\d+(,\d*)?\})")
_BRACKETS = re.compile(r"\(.*\).*\(.*\)")


def check_collector(spec: Mapping[str, Any] | None, where: str, *, stopping: bool) -> None:
    """Raise if a collector of metrics would find none.

    Args:
        spec: ``spec.metricsCollectorSpec`` in Katib's form, or None for standard output.
        where: Name of the Experiment in messages.
        stopping: Whether trials may be stopped early, for which the collector must read their output as it is written.

    Raises:
        InputError: If Katib would reject it.
    """
    spec = spec or {}
    kind = spec.get("collector", {"kind": "StdOut"}).get("kind")
    if kind not in _KINDS:
        raise InputError(f"the collector's kind of {where} must be one of {list(_KINDS)}; got {quote(kind)} instead.")
    if stopping and kind not in _STOPPABLE:
        raise InputError(
            f"the collector's kind of {where} must be one of {list(_STOPPABLE)} to stop early; got {kind}."
        )
    source = spec.get("source", {})
    file = source.get("fileSystemPath")
    if kind == "File":
        _check_path(file or {}, where, kind="File")
        _check_format(source, file or {}, where)
    elif kind == "TensorFlowEvent":
        _check_path(file or {}, where, kind="Directory")
        if (file or {}).get("format"):
            raise InputError(f"the collector's format of {where} must be left out for {kind}; got {file['format']!r}.")
    elif kind == "PrometheusMetric":
        _check_address(source.get("httpGet", {}), where)
    elif kind == "Custom":
        _check_custom(spec["collector"], file, where)
    for text in source.get("filter", {}).get("metricsFormat", []):
        _check_filter(text, where)


def _check_path(file: Mapping[str, Any], where: str, *, kind: str) -> None:
    """Check kind and path; Katib sets those that are absent."""
    if (file.get("kind") or kind) != kind or not (file.get("path") or "/").startswith("/"):
        raise InputError(
            f"the collector's fileSystemPath of {where} must be of the kind {kind}, with an absolute path; got "
            f"{quote(dict(file))}."
        )


def _check_format(source: Mapping[str, Any], file: Mapping[str, Any], where: str) -> None:
    form = file.get("format") or "TEXT"
    if form not in _FORMATS:
        raise InputError(
            f"the collector's format of {where} must be one of {list(_FORMATS)}; got {quote(form)} instead."
        )
    if form == "JSON" and "filter" in source:
        raise InputError(f"the collector of {where} must have no filter, since its format is JSON; leave it out.")


def _check_address(get: Mapping[str, Any], where: str) -> None:
    port, path = get.get("port") or 8080, get.get("path") or "/metrics"
    if not re.fullmatch(r"\+?0*[1-9]\d{0,9}", str(port)):
        raise InputError(f"the collector's port of {where} must be a positive whole number; got {quote(port)}.")
    if not path.startswith("/"):
        raise InputError(f"the collector's httpGet path of {where} must begin with a slash; got {quote(path)}.")


def _check_custom(collector: Mapping[str, Any], file: Mapping[str, Any] | None, where: str) -> None:
    if "customCollector" not in collector:
        raise InputError(f"the collector of {where} must have a customCollector, a container; got none.")
    # Katib sets no defaults for this kind of collector.
    if file is not None and (file.get("kind") not in _PLACES or not (file.get("path") or "").startswith("/")):
        raise InputError(
            f"the collector's fileSystemPath of {where} must be of the kind {' or '.join(_PLACES)}, with an absolute "
            f"path; got {quote(dict(file))}."
        )


def _check_filter(text: str, where: str) -> None:
    groups = _groups(text)
    if groups < 2 or not _BRACKETS.search(text):
        wrong = "; Go has no look-around and no back references" if groups < 0 else ""
        raise InputError(
            f"each metricsFormat of {where} must be a regular expression of Go with two groups, of a metric's name and "
            f"value; got {quote(text)} instead{wrong}."
        )


def _groups(text: str) -> int:
    """Return the number of groups of a regular expression, or -1 if it is invalid; Polars has the syntax of Go."""
    try:
        return len(pl.Series([""]).str.extract_groups(_BRACE.sub(r"\{", text)).struct.fields)
    except pl.exceptions.PolarsError:
        return -1
