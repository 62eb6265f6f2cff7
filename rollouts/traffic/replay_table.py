"""A rollout on this machine: two server processes, and a table's rows sent to them as clients' requests."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    """What is sent.

    Attributes:
        requests: Rows as they are asked, without the target.
        actuals: What is true of them; empty if nothing is known.
    """

    requests: Sequence[Mapping[str, Any]]
    actuals: Sequence[Any] = ()

    @classmethod
    def read(cls, table: str, *, target: str, scratch: Path) -> "ReplayRows":
        """Return the rows of a table.

        Args:
            table: Path, glob or address.
            target: Name of the column that is predicted; it may be absent.
            scratch: Folder that is made for the table.

        Raises:
            MissingError: If there is no such table.
            InputError: If it cannot be read as one.
            DataError: If it has no rows.
        """
        ingest_table(open_source(table), folder=scratch)
        found = [{key: _plain(value) for key, value in row.items()} for row in parquet_table.read(scratch).to_dicts()]
        actuals = [row.pop(target) for row in found] if found and target in found[0] else []
        return cls(found, actuals)


def _plain(value: Any) -> Any:
    """Return a value as JSON takes it."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


@dataclass
class ReplayStatistics:
    """What clients saw.

    Attributes:
        statuses: Requests by digest and HTTP status; 503 where nothing answered.
        costs: What predictions of which the truth is known cost, by digest: count, total, squares.
    """

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    costs: dict[str, list[float]] = field(default_factory=dict)


class ReplayTraffic:
    """A ``Traffic`` of a table's rows, and the ``Source`` of what came of them."""

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
        """Prepare.

        Args:
            stable: Folder or store URI of the stable version's bundle.
            candidate: Those of the candidate's.
            name: Name of the endpoint.
            rows: What is sent, again and again.
            lease_path: Lease that this process holds; the servers end with it.
            log: File for what the servers say.
            rate: Requests a second; 0 for as many as are answered.
            seed: Seed of the division.
        """
        self._name, self._rows, self._rate, self._seed = name, rows, rate, seed
        self._uris = {"stable": stable, "candidate": candidate}
        self._deployers = {key: LocalDeployer(lease_path=lease_path, log=log) for key in self._uris}
        self._endpoints: dict[str, Endpoint] = {}
        self._percent = 0
        self._stopped = threading.Event()
        self._clients: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._flying = dict.fromkeys(self._uris, 0)
        self.sent = ReplayStatistics()
        self._servers = ServerCounters(self._where)

    def find(self) -> VersionPair:
        """See ``Traffic.find``.

        Raises:
            BundleError: If a folder holds no bundle.
            InputError: If both are the same.
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
        if "candidate" not in self._endpoints:  # the process that decided so has ended
            self._endpoints["candidate"] = self._deployers["candidate"].deploy(self._uris["candidate"], name=self._name)
        return self._only("candidate", "stable", 100)

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        return self._only("stable", "candidate", 0)

    def close(self, *, servers: bool = True) -> None:
        """Send nothing more, and end what serves.

        Args:
            servers: Whether the servers are ended too.
        """
        self._stopped.set()
        for client in self._clients:
            client.join()
        self._clients = []
        for key in list(self._endpoints) if servers else []:
            self._deployers[key].undeploy(self._endpoints.pop(key))

    def read(self) -> Mapping[str, CounterReading]:
        """What the servers counted, and what the clients saw that no server can count."""
        found = dict(self._servers.read())
        with self._lock:
            for (digest, status), seen in self.sent.statuses.items():
                if status == _UNREACHABLE:
                    found[f"clients of {digest}"] = CounterReading(digest, RequestCounts(codes={status: float(seen)}))
            for digest, (count, total, squares) in self.sent.costs.items():
                outcomes = {"count": count, "total": total, "squares": squares}
                found[f"outcome of {digest}"] = CounterReading(digest, RequestCounts(outcomes=outcomes))
        return found

    def _only(self, kept: str, ended: str, percent: int) -> str:
        with self._lock:
            self._percent = percent
        while self._flying[ended]:
            time.sleep(0.01)  # what was sent to it is answered first
        endpoint = self._endpoints.pop(ended, None)
        if endpoint:
            self._deployers[ended].undeploy(endpoint)
        return self._endpoints[kept].url if kept in self._endpoints else ""

    def _where(self) -> Mapping[str, str]:
        return {
            f"{key} {endpoint.pid}": endpoint.url.partition("/v1/")[0]
            for key, endpoint in list(self._endpoints.items())
        }

    def _send(self, number: int) -> None:
        """Send rows until told to stop, as one client does."""
        draw = random.Random(f"{self._seed} {number}")  # noqa: S311 - a division, not a secret
        remotes = {key: EndpointClient.at(endpoint.url) for key, endpoint in list(self._endpoints.items())}
        digests = {key: endpoint.digest for key, endpoint in list(self._endpoints.items())}
        place = number
        while not self._stopped.is_set():
            began = time.monotonic()
            place = (place + CLIENTS) % len(self._rows.requests)
            with self._lock:
                chosen = "candidate" if draw.random() * 100 < self._percent else "stable"
                self._flying[chosen] += 1
            try:
                self._ask(remotes[chosen], digests[chosen], place)
            finally:
                with self._lock:
                    self._flying[chosen] -= 1
            if self._rate:
                self._stopped.wait(max(0.0, CLIENTS / self._rate - (time.monotonic() - began)))
        for remote in remotes.values():
            remote.pool.clear()

    def _ask(self, remote: EndpointClient, digest: str, place: int) -> None:
        try:
            reply = remote.predict([self._rows.requests[place]])
            status, document = str(reply.status), reply.document
        except InputError:
            status, document = _UNREACHABLE, None
        with self._lock:
            self.sent.statuses[digest, status] += 1
            if status == "200" and self._rows.actuals and self._rows.actuals[place] is not None:
                cost = _cost(document["predictions"][0], self._rows.actuals[place])
                sums = self.sent.costs.setdefault(digest, [0.0, 0.0, 0.0])
                for at, value in enumerate((1.0, cost, cost**2)):
                    sums[at] += value


def _digest(uri: str) -> str:
    """Digest of a bundle, by its address or from its folder."""
    return uri.rstrip("/").rpartition("/")[2] if "://" in uri else manifest.read(Path(uri)).digest


def _cost(prediction: Mapping[str, Any], actual: Any) -> float:
    """What a prediction cost: whether a label is wrong, or how far a value is off."""
    if "label" in prediction:
        return float(str(prediction["label"]) != str(actual))
    return abs(float(prediction["value"]) - float(actual))
