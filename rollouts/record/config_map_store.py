"""A rollout's record in a ConfigMap beside the InferenceService, for all who may read the namespace.

It is not in the InferenceService's annotations, because KServe copies those to the pods, which each change would
restart.
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
    """Return the name of the ConfigMap of an endpoint's rollout."""
    return f"{_PREFIX}{endpoint}"


def endpoints(cluster: Cluster) -> list[str]:
    """Return the names of the endpoints in the namespace with a record of a rollout.

    Raises:
        ClusterError: If ConfigMaps may not be listed.
    """
    labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
    names = [str(config_map["metadata"]["name"]) for config_map in cluster.list(CONFIG_MAPS, labels=labels)]
    return [name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)]


@dataclass(frozen=True)
class ConfigMapRecordStore:
    """A ``RecordStore`` in a ConfigMap.

    Attributes:
        cluster: The cluster and the namespace.
        endpoint: Name of the InferenceService.
    """

    cluster: Cluster
    endpoint: str
    _runner: str = field(default_factory=new_runner)

    def load(self) -> StoredRollout | None:
        """See ``RecordStore.load``.

        Raises:
            DataError: If the ConfigMap does not hold a valid record.
        """
        config_map = self.cluster.get(CONFIG_MAPS, self._name)
        data = (config_map or {}).get("data") or {}
        if not data.get(_KEY):
            return None
        rollout = record.loads(data[_KEY], f"the ConfigMap {self._name}")
        # A record without a heartbeat counts as silent since 1970, so that another process may resume it.
        silent_seconds = time.time() - _moment(data.get("renewed") or "0", self._name)
        watched = rollout.running and silent_seconds < FRESH_SECONDS
        return StoredRollout(
            rollout, parse_command(data.get("command", "")), data.get("runner", ""), watched, silent_seconds
        )

    def own(self, first: RolloutRecord) -> None:
        """See ``RecordStore.own``."""
        config_map = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._name, "labels": LABELS},
            "data": {**self._data(first), "command": ""},
        }
        # By force: the process that wrote it last is dead or replaced, and finds that out by its next save.
        self.cluster.apply(config_map, force=True)

    def save(self, changed: RolloutRecord) -> RolloutCommand:
        """See ``RecordStore.save``.

        Raises:
            TakenOverError: If another process owns the rollout now, or somebody deleted its record.
        """
        for _ in range(_ATTEMPTS):
            config_map = self.cluster.get(CONFIG_MAPS, self._name)
            if config_map is None or (config_map.get("data") or {}).get("runner") != self._runner:
                raise taken_over(changed.name)
            command = parse_command(config_map["data"].get("command", ""))
            # The version makes the patch fail if a command was written since, which it would erase otherwise.
            change = {
                "metadata": {"resourceVersion": config_map["metadata"]["resourceVersion"]},
                "data": {**self._data(changed), "command": ""},
            }
            try:
                self.cluster.patch(CONFIG_MAPS, self._name, change)
            except ClusterError as error:
                if error.reason != "conflict":
                    raise
                continue  # a command was written in the meantime; read it first
            return command
        raise ClusterError(
            f"the ConfigMap {self._name} is changed by others all the time: see who does that.", "conflict"
        )

    def renew(self) -> None:
        """See ``RecordStore.renew``.

        Raises:
            TakenOverError: If another process owns the rollout now, or somebody deleted its record.
            ClusterError: If it cannot be written this time.
        """
        # Only the heartbeat: a thread renews while the main one saves the record.
        config_map = self.cluster.get(CONFIG_MAPS, self._name)
        if config_map is None or (config_map.get("data") or {}).get("runner") != self._runner:
            raise taken_over(self.endpoint)
        version = {"resourceVersion": config_map["metadata"]["resourceVersion"]}
        self.cluster.patch(CONFIG_MAPS, self._name, {"metadata": version, "data": {"renewed": _now()}})

    def send_command(self, command: RolloutCommand) -> None:
        """See ``RecordStore.send_command``.

        Raises:
            InputError: If there is no record of a rollout.
        """
        if self.cluster.get(CONFIG_MAPS, self._name) is None:
            raise InputError(f"there is no rollout of {self.endpoint} in {self.cluster.namespace}; start one first.")
        # Without a version: a command must arrive even while the process saves its record.
        self.cluster.patch(CONFIG_MAPS, self._name, {"data": {"command": command}})

    @property
    def _name(self) -> str:
        return name_of(self.endpoint)

    def _data(self, changed: RolloutRecord) -> Document:
        return {_KEY: changed.to_json(), "runner": self._runner, "renewed": _now()}


def _now() -> str:
    return f"{time.time():.0f}"


def _moment(text: str, name: str) -> float:
    """Return a time in seconds since 1970.

    Raises:
        DataError: If the text is not a number.
    """
    try:
        return float(text)
    except ValueError as error:
        raise DataError(
            f"the ConfigMap {name} must say under renewed when its rollout was watched last, in seconds since 1970; "
            f"got {quote(text)} instead."
        ) from error
