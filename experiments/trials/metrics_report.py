"""What a pipeline reports at its end: metrics, written as JSON to an address that it was given.

Kubeflow Pipelines gives no values of metrics back, neither with a run nor with its tasks. Whoever starts a pipeline
therefore says where they are to be written: a path, or ``s3://BUCKET/KEY``.
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
        metrics: Values by name; what is no number, such as the name under which a user interface shows them, is left
            out.
        address: A path, or ``s3://BUCKET/KEY``.

    Returns:
        What was written.

    Raises:
        InputError: If no metric is a finite number, the address is none, or an object store is named and none is set.
        StoreError: If the store fails.
    """
    found = {name: float(value) for name, value in metrics.items() if _is_number(value)}
    if not found:
        raise InputError(f"a pipeline must report at least one metric that is a number; got {quote(dict(metrics))}.")
    if not address:
        raise InputError("metrics must be reported to an address, a path or s3://BUCKET/KEY; got an empty one.")
    if address.startswith("s3:"):
        store, key = _store(address)
        store.put_bytes(key, dumps(found).encode(), "application/json")
    else:
        write_text(Path(address), dumps(found))
    return found


def read(address: str) -> dict[str, float]:
    """The metrics that a pipeline reported.

    Raises:
        MissingError: If it reported none.
        InputError: If something else lies there.
        StoreError: If the store fails.
    """
    if address.startswith("s3:"):
        store, key = _store(address)
        try:
            found = json.loads(store.get_bytes(key, _MOST_BYTES))
        except ValueError as error:
            raise InputError(f"{address} must hold metrics as JSON; {error}.") from error
    else:
        found = read_json(Path(address))
    if not isinstance(found, dict) or not all(_is_number(value) for value in found.values()):
        raise InputError(f"{address} must hold an object of numbers; got {quote(found)} instead.")
    return {str(name): float(value) for name, value in found.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _store(address: str) -> tuple[ObjectStore, str]:
    match = _S3.fullmatch(address)
    if match is None:
        raise InputError(
            f"metrics must be reported to a path or to s3://BUCKET/KEY; got {quote(address, 200)} instead."
        )
    given = require_store(f"to report to {quote(address, 200)} needs an object store")
    return connect(replace(given, bucket=match["bucket"]), create=False), match["key"]
