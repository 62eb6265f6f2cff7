"""The payload log: what was asked and answered, as KServe's logger sends it, without personal data.

Source: https://kserve.github.io/website/docs/model-serving/predictive-inference/logger (CloudEvents 1.0, types
``org.kubeflow.serving.inference.request`` and ``.response``).
"""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from headrace.core.contracts.contract import Contract
from headrace.serving.model.options import PayloadOptions
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.telemetry.log_queue import LogQueue

_TYPE = "org.kubeflow.serving.inference"
_SECONDS = 5.0
_TRIES = 3
_MOST_ROWS = 1_000


class PayloadLog:
    """Hands events to the outbox; a receiver that is slow or away costs requests nothing."""

    def __init__(self, payloads: PayloadOptions, outbox: LogQueue) -> None:
        """Prepare to log."""
        self._payloads = payloads
        self._outbox = outbox
        self._send = _poster(payloads.sink) if "://" in payloads.sink else _writer(Path(payloads.sink))

    def log_answer(self, served: ServedModel, asked: InputRows, scored: ScoredRows, *, trace: str = "") -> None:
        """Log a request and its answer under one id, if it is among the share that is logged."""
        name = str(uuid4())
        if zlib.crc32(name.encode()) >= self._payloads.share * 2**32:
            return
        base = self._attributes(served, name, trace)
        if self._payloads.mode in {"all", "request"}:
            contract = served.scorer.contract
            self._outbox.put(lambda: self._send({**base, "type": f"{_TYPE}.request"}, redact_rows(asked, contract)))
        if self._payloads.mode in {"all", "response"}:
            self._outbox.put(
                lambda: self._send({**base, "type": f"{_TYPE}.response"}, {"predictions": served.objects(scored)})
            )

    def _attributes(self, served: ServedModel, name: str, trace: str) -> dict[str, str]:
        found = {
            "specversion": "1.0",
            "id": name,
            "source": self._payloads.source,
            "time": datetime.now(UTC).isoformat(),
            "inferenceservicename": served.name,
            "namespace": self._payloads.namespace,
            "component": "predictor",
            "modeldigest": served.digest,
            "traceid": trace,
        }
        return {key: value for key, value in found.items() if value}


def redact_rows(asked: InputRows, contract: Contract) -> dict[str, Any]:
    """Rows by column name, of the contract's inputs that hold no personal data; at most 1,000 of them.

    Args:
        asked: Rows or columns.
        contract: The contract.
    """
    inputs = [column.name for column in contract.inputs]
    kept = [(place, column.name) for place, column in enumerate(contract.inputs) if not column.personal]
    if isinstance(asked, dict):
        columns = {name: list(asked[name][:_MOST_ROWS]) for _, name in kept if name in asked}
        rows = len(next(iter(columns.values()), []))
        return {"instances": [{name: _plain(values[row]) for name, values in columns.items()} for row in range(rows)]}
    found = []
    for row in asked[:_MOST_ROWS]:
        by_name = row if isinstance(row, dict) else dict(zip(inputs, row, strict=False))
        found.append({name: by_name[name] for _, name in kept if name in by_name})
    return {"instances": found}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


Send = Callable[[dict[str, str], dict[str, Any]], None]


def _writer(path: Path) -> Send:
    def write(attributes: dict[str, str], data: dict[str, Any]) -> None:
        line = orjson.dumps({**attributes, "datacontenttype": "application/json", "data": data}) + b"\n"
        with path.open("ab") as stream:
            stream.write(line)

    return write


def _poster(url: str) -> Send:
    import urllib3  # noqa: PLC0415 - few servers log payloads

    pool = urllib3.PoolManager(
        timeout=_SECONDS, retries=urllib3.Retry(_TRIES, backoff_factor=0.2, status_forcelist=[503])
    )

    def post(attributes: dict[str, str], data: dict[str, Any]) -> None:
        headers = {f"ce-{name}": value for name, value in attributes.items()} | {"content-type": "application/json"}
        try:
            reply = pool.request("POST", url, body=orjson.dumps(data), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise OSError("the receiver of payloads is away") from error
        if reply.status >= 300:
            raise OSError(f"the receiver of payloads answered {reply.status}")

    return post
