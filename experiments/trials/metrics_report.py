"""Metrics that a pipeline reports at its end, as JSON at an address that it is given.

Kubeflow Pipelines returns no values of metrics, neither with a run nor with its tasks. So whoever starts a pipeline
says where to write them: a path, or ``s3://BUCKET/KEY``.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import dumps, read_json, write_text
from headrace.core.base.remedies import require_store
from headrace.stores.objects.object_store import ObjectStore, connect

_S3 = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.*[^/])")
_MOST_BYTES = 1 << 20


def report(metrics: Mapping[str, Any], address: str) -> dict[str, float]:
    """Write metrics to an address.

    Args:
        metrics: Values by name; those that are not numbers, such as the name that a user interface shows, are left
            out.
        address: A path, or ``s3://BUCKET/KEY``.

    Returns:
        The written metrics.

    Raises:
        InputError: If no metric is a finite number, or the address is invalid or needs an object store and none is set.
        StoreError: If the store fails.
    """
    numbers = {name: float(value) for name, value in metrics.items() if _is_number(value)}
    if not numbers:
        raise InputError(f"a pipeline must report at least one metric that is a number; got {quote(dict(metrics))}.")
    if not address:
        raise InputError("metrics must be reported to an address, a path or s3://BUCKET/KEY; got an empty one.")
    if address.startswith("s3:"):
        store, key = _store(address)
        store.put_bytes(key, dumps(numbers).encode(), "application/json")
    else:
        write_text(Path(address), dumps(numbers))
    return numbers


def read(address: str) -> dict[str, float]:
    """Return the metrics that a pipeline reported.

    Raises:
        MissingError: If it reported none.
        InputError: If the address has something else.
        StoreError: If the store fails.
    """
    if address.startswith("s3:"):
        store, key = _store(address)
        try:
            metrics = json.loads(store.get_bytes(key, _MOST_BYTES))
        except ValueError as error:
            raise InputError(f"{address} must hold metrics as JSON; {error}.") from error
    else:
        metrics = read_json(Path(address))
    if not isinstance(metrics, dict) or not all(_is_number(value) for value in metrics.values()):
        raise InputError(f"{address} must hold an object of numbers; got {quote(metrics)} instead.")
    return {str(name): float(value) for name, value in metrics.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _store(address: str) -> tuple[ObjectStore, str]:
    match = _S3.fullmatch(address)
    if match is None:
        raise InputError(
            f"metrics must be reported to a path or to s3://BUCKET/KEY; got {quote(address, 200)} instead."
        )
    store_settings = require_store(f"to report to {quote(address, 200)} needs an object store")
    return connect(replace(store_settings, bucket=match["bucket"]), create=False), match["key"]
