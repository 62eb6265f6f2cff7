"""The payload log: requests and responses in the form of KServe's logger, without personal data.

Source: https://kserve.github.io/website/docs/model-serving/predictive-inference/logger (CloudEvents 1.0, types
``org.kubeflow.serving.inference.request`` and ``.response``).
"""

import re
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from headrace.core.contracts.contract import Contract
from headrace.serving.model.options import PayloadOptions
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.telemetry.log_queue import LogQueue
from headrace.serving.telemetry.trace_context import Header

_TYPE = "org.kubeflow.serving.inference"
_SECONDS = 5.0
_TRIES = 3
_MOST_ROWS = 1_000
_ID_HEADERS = (b"ce-id", b"x-request-id")
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,200}")


class PayloadLog:
    """Logs payloads through a queue, so that a slow or unavailable receiver does not delay requests."""

    def __init__(self, payloads: PayloadOptions, queue: LogQueue) -> None:
        """Initialize the log.

        Args:
            payloads: Options.
            queue: Queue of the events.
        """
        self._payloads = payloads
        self._queue = queue
        self._send = _poster(payloads.sink) if "://" in payloads.sink else _writer(Path(payloads.sink))

    def log_answer(
        self, served: ServedModel, rows: InputRows, scored: ScoredRows, *, request_id: str = "", trace: str = ""
    ) -> None:
        """Log a request and its response under one id, if it is in the sample.

        Args:
            served: The model.
            rows: n rows, or columns of n values.
            scored: The answers to n rows.
            request_id: The client's id of the request; empty for a random one.
            trace: Id of the trace; empty for none.
        """
        name = request_id or str(uuid4())
        if zlib.crc32(name.encode()) >= self._payloads.sample_rate * 2**32:
            return
        base = self._attributes(served, name, trace)
        events: list[tuple[str, Callable[[], dict[str, Any]]]] = []
        if self._payloads.mode in {"all", "request"}:
            contract = served.scorer.contract
            events.append(("request", lambda: redact_rows(rows, contract)))
        if self._payloads.mode in {"all", "response"}:
            events.append(("response", lambda: {"predictions": served.objects(scored)[:_MOST_ROWS]}))
        left_out = len(scored.scores) - _MOST_ROWS
        for kind, data in events:
            attributes = {**base, "type": f"{_TYPE}.{kind}"}
            if left_out > 0 and kind == events[0][0]:  # one of both says it, so that it is counted once
                attributes["rowsleftout"] = str(left_out)
            self._queue.put(partial(self._log, attributes, data))

    def _log(self, attributes: dict[str, str], data: Callable[[], dict[str, Any]]) -> None:
        self._send(attributes, data())

    def _attributes(self, served: ServedModel, name: str, trace: str) -> dict[str, str]:
        attributes = {
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
        return {key: value for key, value in attributes.items() if value}


def find_request_id(headers: Iterable[Header]) -> str:
    """Return the id that a client gave its request, so that it knows the id that labels need; empty without one.

    It is ``Ce-Id``, which KServe's logger takes, or ``X-Request-Id``; at most 200 printable characters of ASCII.
    """
    given = {name: value for name, value in headers if name in _ID_HEADERS}
    value = next((given[name] for name in _ID_HEADERS if given.get(name)), b"")
    return value.decode() if _REQUEST_ID.fullmatch(value) else ""


def redact_rows(source: InputRows, contract: Contract) -> dict[str, Any]:
    """Return rows by column name, without personal data and columns outside the contract; at most 1,000 rows.

    The contract's keys stay where a request holds them: true answers that come later are joined by them.

    Args:
        source: n rows, or columns of n values.
        contract: The contract.
    """
    inputs = [column.name for column in contract.inputs]
    allowed = [column.name for column in contract.monitored_columns]
    if isinstance(source, dict):
        columns = {name: list(source[name][:_MOST_ROWS]) for name in allowed if name in source}
        count = len(next(iter(columns.values()), []))
        return {"instances": [{name: _plain(values[row]) for name, values in columns.items()} for row in range(count)]}
    instances = []
    for row in source[:_MOST_ROWS]:
        by_name = row if isinstance(row, dict) else dict(zip(inputs, row, strict=False))
        instances.append({name: by_name[name] for name in allowed if name in by_name})
    return {"instances": instances}


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

    # urllib3 repeats no POST of its own accord; an event that arrives twice has the same id both times.
    retries = urllib3.Retry(_TRIES, backoff_factor=0.2, status_forcelist=[502, 503, 504], allowed_methods=["POST"])
    pool = urllib3.PoolManager(timeout=_SECONDS, retries=retries)

    def post(attributes: dict[str, str], data: dict[str, Any]) -> None:
        headers = {f"ce-{name}": value for name, value in attributes.items()} | {"content-type": "application/json"}
        try:
            response = pool.request("POST", url, body=orjson.dumps(data), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise OSError("the receiver of payloads is unavailable") from error
        if response.status >= 300:
            raise OSError(f"the receiver of payloads answered {response.status}")

    return post
