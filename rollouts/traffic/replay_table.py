"""Traffic on this machine: two server processes, and the rows of a table sent to them as requests."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.ab_tests.assignment import check_key_column, is_candidate
from headrace.core.base.errors import InputError
from headrace.core.bundles import manifest
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables import parquet_table
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.rollouts.record.counters import RequestCounts
from headrace.rollouts.record.record import RolloutVersion
from headrace.rollouts.traffic.base import VersionPair
from headrace.rollouts.traffic.server_metrics import ServerCounters
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.local import Endpoint, LocalDeployer
from headrace.stores.sources.open_source import open_source

CLIENTS = 2
_UNREACHABLE = "503"


@dataclass(frozen=True)
class ReplayRows:
    """The rows to send.

    Attributes:
        requests: n rows, without the target.
        actuals: n true labels or values; empty if unknown.
        keys: n keys, each of which keeps its version while the share grows; empty to divide the requests at random.
    """

    requests: Sequence[Mapping[str, Any]]
    actuals: Sequence[Any] = ()
    keys: Sequence[str] = ()

    @classmethod
    def read(cls, table: str, *, target: str, scratch: Path, key: str = "") -> "ReplayRows":
        """Return the rows of a table.

        Args:
            table: Path, glob or address.
            target: Name of the predicted column, which may be absent.
            scratch: Folder to create for the table.
            key: Column of the keys, such as the client's id; empty without one.

        Raises:
            MissingError: If the table does not exist.
            InputError: If it cannot be read, or a row has no key.
            DataError: If it has no rows.
        """
        ingest_table(open_source(table), folder=scratch)
        frame = parquet_table.read(scratch)
        keys: list[str] = []
        if key:
            check_key_column(frame, key)
            keys = frame[key].cast(pl.String).to_list()
        rows = [{name: _plain(value) for name, value in row.items()} for row in frame.to_dicts()]
        actuals = [row.pop(target) for row in rows] if rows and target in rows[0] else []
        return cls(rows, actuals, keys)


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


@dataclass
class ReplayStatistics:
    """Statistics of the clients.

    Attributes:
        statuses: Requests by digest and HTTP status; 503 if nothing answered.
        costs: Count, total and sum of squares of the costs of predictions with known labels, by digest.
    """

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    costs: dict[str, list[float]] = field(default_factory=dict)


class ReplayTraffic:
    """A ``Traffic`` of a table's rows, and the ``CounterSource`` of their requests."""

    kind = "replay"

    def __init__(
        self,
        *,
        stable: str,
        candidate: str,
        name: str,
        rows: ReplayRows,
        lease_path: Path,
        log: Path,
        rate: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Initialize without servers and clients.

        Args:
            stable: Folder or store URI of the stable version's bundle.
            candidate: Folder or store URI of the candidate's bundle.
            name: Name of the endpoint.
            rows: Rows to send, in a loop.
            lease_path: Lease that this process holds; the servers end with it.
            log: Log file of the servers.
            rate: Requests per second; 0 for no limit.
            seed: Seed of the random division, if the rows have no keys.
        """
        self._name, self._rows, self._rate, self._seed = name, rows, rate, seed
        self._uris = {"stable": stable, "candidate": candidate}
        self._deployers = {key: LocalDeployer(lease_path=lease_path, log=log) for key in self._uris}
        self._endpoints: dict[str, Endpoint] = {}
        self._percent = 0
        self._stopped = threading.Event()
        self._clients: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._in_flight = dict.fromkeys(self._uris, 0)
        self.sent = ReplayStatistics()
        self._servers = ServerCounters(self._addresses)

    def find(self) -> VersionPair:
        """See ``Traffic.find``.

        Raises:
            BundleError: If a folder does not hold a bundle.
            InputError: If both versions are the same.
        """
        stable, candidate = (RolloutVersion(uri=uri, digest=_digest(uri)) for uri in self._uris.values())
        if stable.digest == candidate.digest:
            raise InputError(
                f"the candidate must be another version than the stable one; both are {stable.digest[:12]}."
            )
        return VersionPair(stable, candidate)

    def prepare(self) -> None:
        """See ``Traffic.prepare``.

        Raises:
            InputError: If a bundle is refused.
        """
        for key, uri in self._uris.items():
            self._endpoints[key] = self._deployers[key].deploy(uri, name=self._name)

    def split(self, percent: int) -> None:
        """See ``Traffic.split``."""
        self._percent = percent
        if not self._clients:
            self._clients = [threading.Thread(target=self._send, args=(n,), daemon=True) for n in range(CLIENTS)]
            for client in self._clients:
                client.start()

    def promote(self) -> str:
        """See ``Traffic.promote``."""
        if "candidate" not in self._endpoints:  # the process that decided has ended
            self._endpoints["candidate"] = self._deployers["candidate"].deploy(self._uris["candidate"], name=self._name)
        return self._only("candidate", "stable", 100)

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        return self._only("stable", "candidate", 0)

    def close(self, *, servers: bool = True) -> None:
        """Stop the clients, and then the servers.

        Args:
            servers: Whether to stop the servers too.
        """
        self._stopped.set()
        for client in self._clients:
            client.join()
        self._clients = []
        for key in list(self._endpoints) if servers else []:
            self._deployers[key].undeploy(self._endpoints.pop(key))

    def read(self) -> Mapping[str, CounterReading]:
        """Return the servers' counters, and the clients' counts of what no server can count."""
        readings = dict(self._servers.read())
        with self._lock:
            for (digest, status), count in self.sent.statuses.items():
                if status == _UNREACHABLE:
                    readings[f"clients of {digest}"] = CounterReading(
                        digest, RequestCounts(codes={status: float(count)})
                    )
            for digest, (known, total, squares) in self.sent.costs.items():
                outcomes = {"count": known, "total": total, "squares": squares}
                readings[f"outcome of {digest}"] = CounterReading(digest, RequestCounts(outcomes=outcomes))
        return readings

    def _only(self, remaining: str, other: str, percent: int) -> str:
        with self._lock:
            self._percent = percent
        while self._in_flight[other]:
            time.sleep(0.01)  # requests in flight must be answered before their server ends
        endpoint = self._endpoints.pop(other, None)
        if endpoint:
            self._deployers[other].undeploy(endpoint)
        return self._endpoints[remaining].url if remaining in self._endpoints else ""

    def _addresses(self) -> Mapping[str, str]:
        return {
            f"{key} {endpoint.pid}": endpoint.url.partition("/v1/")[0]
            for key, endpoint in list(self._endpoints.items())
        }

    def _send(self, number: int) -> None:
        """Send rows in a loop until the stop event; run by each client thread."""
        generator = random.Random(f"{self._seed} {number}")  # noqa: S311 - random division, no cryptography
        remotes = {key: EndpointClient.at(endpoint.url) for key, endpoint in list(self._endpoints.items())}
        digests = {key: endpoint.digest for key, endpoint in list(self._endpoints.items())}
        index = number
        while not self._stopped.is_set():
            start = time.monotonic()
            index = (index + CLIENTS) % len(self._rows.requests)
            with self._lock:
                version = self._choose_version(index, digests["candidate"], generator.random())
                self._in_flight[version] += 1
            try:
                self._ask(remotes[version], digests[version], index)
            finally:
                with self._lock:
                    self._in_flight[version] -= 1
            if self._rate:
                self._stopped.wait(max(0.0, CLIENTS / self._rate - (time.monotonic() - start)))
        for remote in remotes.values():
            remote.pool.clear()

    def _choose_version(self, index: int, candidate: str, draw: float) -> str:
        """Return the version that answers a row: by its key if it has one, else by a draw from 0 to 1."""
        share = self._percent / 100
        if not self._rows.keys:
            return "candidate" if draw < share else "stable"
        # The test is named after the candidate, so that the next rollout does not begin with the same clients.
        return "candidate" if is_candidate(self._rows.keys[index], test=candidate, share=share) else "stable"

    def _ask(self, remote: EndpointClient, digest: str, index: int) -> None:
        try:
            response = remote.predict([self._rows.requests[index]])
            status, document = str(response.status), response.document
        except InputError:
            status, document = _UNREACHABLE, None
        with self._lock:
            self.sent.statuses[digest, status] += 1
            if status == "200" and self._rows.actuals and self._rows.actuals[index] is not None:
                cost = _cost(document["predictions"][0], self._rows.actuals[index])
                sums = self.sent.costs.setdefault(digest, [0.0, 0.0, 0.0])
                for position, value in enumerate((1.0, cost, cost**2)):
                    sums[position] += value


def _digest(uri: str) -> str:
    """Return the digest of a bundle from its address or its folder."""
    return uri.rstrip("/").rpartition("/")[2] if "://" in uri else manifest.read(Path(uri)).digest


def _cost(prediction: Mapping[str, Any], actual: Any) -> float:
    """Return the cost of a prediction: 1.0 for a wrong label and 0.0 for a right one, or the absolute error."""
    if "label" in prediction:
        return float(str(prediction["label"]) != str(actual))
    return abs(float(prediction["value"]) - float(actual))
