"""Requests of a week that has ended: an endpoint answers them now, and their events carry the time of then.

Whoever replays a log does the same: an event says when its request came, and is stored in that hour.
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import urllib3

from headrace.cli.monitoring.pumps import KEY, TARGET

_TYPE = "org.kubeflow.serving.inference"
_ROWS_OF_REQUEST = 5
_SECONDS = 120.0


@dataclass
class Traffic:
    """Clients of an endpoint, and what sends its payload log.

    Attributes:
        endpoint: Where the model answers, host and port.
        collector: Where the collector receives events, host and port.
        name: Name of the model.
        digest: Digest of the bundle that answers.
        sent: Ids of the requests whose events were both acknowledged, once for each time.
        acknowledged: Number of the events that were.
        refused: Number of attempts without an acknowledgement: nobody answered, or not by 200.
    """

    endpoint: str
    collector: str
    name: str
    digest: str
    sent: list[str] = field(default_factory=list)
    acknowledged: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=20, maxsize=8)
    )

    def send(self, week: pl.DataFrame, *, clients: int = 4) -> None:
        """Send the inspections of a week, several in each request."""
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(self._send_one, split(week)))

    def ask(self, rows: Sequence[dict[str, Any]], **headers: str) -> bytes:
        """What the endpoint answers."""
        url = f"http://{self.endpoint}/v1/models/{self.name}:predict"
        reply = self._pool.request("POST", url, json={"instances": list(rows)}, headers=headers)
        assert reply.status == 200, reply.data
        return bytes(reply.data)

    def _send_one(self, request: tuple[str, pl.DataFrame]) -> None:
        name, frame = request
        moment = frame.get_column("time")[0].isoformat()
        rows = frame.drop("time", TARGET, KEY).to_dicts()
        answer = self.ask(rows, **{"Ce-Id": f"{name}-live"})
        for kind, body in (("request", json.dumps({"instances": rows}).encode()), ("response", answer)):
            self._deliver(
                body,
                {
                    "Content-Type": "application/json",
                    "Ce-Specversion": "1.0",
                    "Ce-Id": name,
                    "Ce-Source": "replay",
                    "Ce-Type": f"{_TYPE}.{kind}",
                    "Ce-Time": moment,
                    "Ce-Inferenceservicename": self.name,
                    "Ce-Modeldigest": self.digest,
                },
            )
        with self._lock:
            self.sent.append(name)

    def _deliver(self, body: bytes, headers: dict[str, str]) -> None:
        """Send an event until it is acknowledged."""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                status = self._pool.request("POST", f"http://{self.collector}/", body=body, headers=headers).status
            except urllib3.exceptions.HTTPError:
                status = 0
            with self._lock:
                self.acknowledged += status == 200
                self.refused += status != 200
            if status == 200:
                return
            assert status in {0, 503}, status
            assert time.monotonic() < deadline, "nobody takes the event"
            time.sleep(0.2)


def split(week: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The id of each request of a week, and its inspections."""
    for rows in week.iter_slices(_ROWS_OF_REQUEST):
        yield f"request-{rows.get_column(KEY)[0]}", rows


def labels(week: pl.DataFrame) -> pl.DataFrame:
    """What became of the pumps of a week, by request and row."""
    return pl.concat(
        pl.DataFrame({"request_id": name, "row": range(rows.height), TARGET: rows.get_column(TARGET)})
        for name, rows in split(week)
    )
