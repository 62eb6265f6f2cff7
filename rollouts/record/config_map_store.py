"""A rollout's record in a ConfigMap beside the InferenceService, for all who may look at the namespace.

It is not in the InferenceService's annotations, for KServe hands those on to the pods: they would start anew each time.
"""

import time
from dataclasses import dataclass, field

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import CONFIG_MAPS
from headrace.core.base.errors import ClusterError, DataError, InputError, quote
from headrace.rollouts.record import record
from headrace.rollouts.record.record import RolloutRecord
from headrace.rollouts.record.record_store import (
    FRESH_SECONDS,
    RolloutCommand,
    StoredRollout,
    new_runner,
    parse_command,
    taken_over,
)

LABELS = {"app.kubernetes.io/part-of": "headrace"}
_KEY = "rollout.json"
_PREFIX = "headrace-rollout-"
_ATTEMPTS = 5


def name_of(endpoint: str) -> str:
    """Name of the ConfigMap of an endpoint's rollout."""
    return f"{_PREFIX}{endpoint}"


def endpoints(cluster: Cluster) -> list[str]:
    """Names of the endpoints in the namespace of which a rollout is recorded.

    Raises:
        ClusterError: If ConfigMaps may not be listed.
    """
    labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
    names = [str(one["metadata"]["name"]) for one in cluster.list(CONFIG_MAPS, labels=labels)]
    return [name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)]


@dataclass(frozen=True)
class ConfigMapRecordStore:
    """A ``Memory`` in a ConfigMap.

    Attributes:
        cluster: Where it lies.
        endpoint: Name of the InferenceService.
    """

    cluster: Cluster
    endpoint: str
    _runner: str = field(default_factory=new_runner)

    def load(self) -> StoredRollout | None:
        """See ``Memory.load``.

        Raises:
            DataError: If it holds no record.
        """
        found = self.cluster.get(CONFIG_MAPS, self._name)
        data = (found or {}).get("data") or {}
        if not data.get(_KEY):
            return None
        kept = record.loads(data[_KEY], f"the ConfigMap {self._name}")
        silent = time.time() - _moment(data.get("renewed") or "0", self._name)
        watched = kept.running and silent < FRESH_SECONDS
        return StoredRollout(kept, parse_command(data.get("wish", "")), data.get("runner", ""), watched, silent)

    def own(self, first: RolloutRecord) -> None:
        """See ``Memory.own``."""
        made = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._name, "labels": LABELS},
            "data": {**self._data(first), "wish": ""},
        }
        self.cluster.apply(made, force=True)

    def save(self, changed: RolloutRecord) -> RolloutCommand:
        """See ``Memory.save``.

        Raises:
            TakenOverError: If another process owns the rollout now, or somebody deleted its record.
        """
        for _ in range(_ATTEMPTS):
            found = self.cluster.get(CONFIG_MAPS, self._name)
            if found is None or (found.get("data") or {}).get("runner") != self._runner:
                raise taken_over(changed.name)
            wish = parse_command(found["data"].get("wish", ""))
            change = {
                "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
                "data": {**self._data(changed), "wish": ""},
            }
            try:
                self.cluster.patch(CONFIG_MAPS, self._name, change)
            except ClusterError as error:
                if error.reason != "conflict":
                    raise
                continue  # somebody has just said what they want
            return wish
        raise ClusterError(
            f"the ConfigMap {self._name} is changed by others all the time: see who does that.", "conflict"
        )

    def renew(self) -> None:
        """See ``Memory.renew``.

        Raises:
            TakenOverError: If another process owns the rollout now, or somebody deleted its record.
            ClusterError: If it cannot be said this time.
        """
        found = self.cluster.get(CONFIG_MAPS, self._name)
        if found is None or (found.get("data") or {}).get("runner") != self._runner:
            raise taken_over(self.endpoint)
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}
        self.cluster.patch(CONFIG_MAPS, self._name, {"metadata": version, "data": {"renewed": _now()}})

    def wish(self, wanted: RolloutCommand) -> None:
        """See ``Memory.wish``.

        Raises:
            InputError: If there is no rollout.
        """
        if self.cluster.get(CONFIG_MAPS, self._name) is None:
            raise InputError(f"there is no rollout of {self.endpoint} in {self.cluster.namespace}; start one first.")
        self.cluster.patch(CONFIG_MAPS, self._name, {"data": {"wish": wanted}})

    @property
    def _name(self) -> str:
        return name_of(self.endpoint)

    def _data(self, changed: RolloutRecord) -> Document:
        return {_KEY: changed.to_json(), "runner": self._runner, "renewed": _now()}


def _now() -> str:
    return f"{time.time():.0f}"


def _moment(text: str, name: str) -> float:
    """Seconds since 1970.

    Raises:
        DataError: If the text is no number.
    """
    try:
        return float(text)
    except ValueError as error:
        raise DataError(
            f"the ConfigMap {name} must say under renewed when its rollout was watched last, in seconds since 1970; "
            f"got {quote(text)} instead."
        ) from error
