"""The artifacts and logs of a run on a cluster, in the object store.

Kubeflow Pipelines does not say where it stores artifacts. Its launcher writes each to
``ROOT/PIPELINE/RUN/TASK/SALT/ARTIFACT``, where the salt is a UUID of the execution. A cached step has nothing there:
its artifacts are found through the inputs of later steps (``reused_artifacts``).
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun
from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.base.remedies import require_store
from headrace.pipelines.kubeflow import reused_artifacts
from headrace.stores.objects.object_store import ObjectStore, connect

DEFAULT_ROOT = "minio://mlpipeline/v2/artifacts"
LOG = "executor-logs"
"""The artifact that holds a step's output; the launcher uploads it even if the step failed.

Since Kubeflow Pipelines 2.17 the number of the attempt follows, as in ``executor-logs-0``.
"""
_NUMBER = re.compile(r"\d+")
_ROOT = re.compile(r"(?:s3|minio)://(?P<bucket>[^/?]+)(?:/(?P<prefix>[^?]*))?(?:\?.*)?")
_TABLE = "system.Dataset"
_MOST_LOG_BYTES = 64 << 20


@dataclass(frozen=True)
class RunObject:
    """One object of a run.

    Attributes:
        key: Its key.
        task: Name of the task that wrote it.
        salt: The execution's UUID; empty if the key has none.
        path: The artifact's name, and the path inside it, as parts.
    """

    key: str
    task: str
    salt: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class TaskTrace:
    """What the store has of a task.

    Attributes:
        log: Whether it has the log.
        outputs: Whether it has an artifact that the task declares, so that the task completed.
    """

    log: bool = False
    outputs: bool = False


@dataclass(frozen=True)
class RunArtifacts:
    """The objects of one run.

    Attributes:
        store: Where they are stored.
        home: Prefix of all of them, with the last slash.
        pipeline: The run's pipeline.
    """

    store: ObjectStore
    home: str
    pipeline: PipelineFile

    def all(self) -> Iterator[RunObject]:
        """Yield the objects.

        Raises:
            StoreError: If the store fails.
        """
        for item in self.store.list(self.home):
            task, *rest = item.key.removeprefix(self.home).split("/")
            salted = len(rest) > 1 and _is_uuid(rest[0])
            if rest:
                yield RunObject(item.key, task, rest[0] if salted else "", tuple(rest[1:] if salted else rest))

    def log(self, task: str) -> str:
        """Return what a task printed at its last attempt; empty if the store does not have it."""
        logs = [item for item in self.all() if item.task == task and self._is_log(item)]
        attempts = sorted([item for item in logs if item.path[0].startswith(LOG)] or logs, key=_attempt)
        try:
            return (
                self.store.get_bytes(attempts[-1].key, _MOST_LOG_BYTES).decode("utf-8", "replace") if attempts else ""
            )
        except MissingError:
            return ""

    def _is_log(self, item: RunObject) -> bool:
        """Return whether an object is a log: by its name, unless it is an artifact of the step."""
        step = self.pipeline.steps.get(item.task)
        declared = step.artifacts if step else {}
        return item.path[0] not in declared and "log" in "/".join(item.path).lower()

    def traces(self) -> Mapping[str, TaskTrace]:
        """Return what the store has of each task; tasks without objects are absent.

        Raises:
            StoreError: If the store fails.
        """
        by_task: dict[str, TaskTrace] = {}
        for item in self.all():
            step, before = self.pipeline.steps.get(item.task), by_task.get(item.task, TaskTrace())
            own = step is not None and item.path[0] in step.artifacts
            by_task[item.task] = TaskTrace(before.log or self._is_log(item), before.outputs or own)
        return by_task

    def iterate_reused(self) -> Iterator[RunObject]:
        """Yield the artifacts of cached steps, as far as steps of this run have them as inputs.

        Raises:
            StoreError: If the store fails.
        """
        own = list(self.all())
        logs = (self.log(task) for task in sorted({item.task for item in own}))
        executed = {item.task for item in own if not self._is_log(item)}
        for task, prefix in reused_artifacts.find_prefixes(logs, home=self.home).items():
            if task in self.pipeline.steps and task not in executed:
                salt = prefix.rstrip("/").rpartition("/")[2]
                for entry in self.store.list(prefix):
                    yield RunObject(entry.key, task, salt, tuple(entry.key.removeprefix(prefix).split("/")))

    def fetch(self, folder: Path) -> set[str]:
        """Download everything but tables to ``folder/run/SALT/TASK/ARTIFACT``, artifacts of cached steps too.

        Returns:
            The tasks that have objects.

        Raises:
            StoreError: If the store fails.
        """
        tasks = set()
        for item in (*self.all(), *self.iterate_reused()):
            tasks.add(item.task)
            step = self.pipeline.steps.get(item.task)
            if step is None or step.artifacts.get(item.path[0]) != _TABLE:
                self.store.get_file(item.key, folder.joinpath("run", item.salt or "0", item.task, *item.path))
        return tasks


def _attempt(item: RunObject) -> tuple[list[int], str]:
    """Return the sort key of a task's logs: the numbers in their names, as numbers."""
    name = "/".join(item.path)
    return [int(number) for number in _NUMBER.findall(name)], name


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def artifacts(run: PipelineRun, pipeline: PipelineFile) -> RunArtifacts:
    """Return the objects of a run, in the store that the environment names.

    Raises:
        InputError: If no store is set, or the scheme of the run's root is not supported.
        StoreError: If the store does not respond, rejects the keys, or has no such bucket.
    """
    root = run.root or DEFAULT_ROOT
    match = _ROOT.fullmatch(root)
    if match is None:
        raise InputError(f"artifacts can be fetched from s3:// and minio:// only; the run's are at {quote(root, 200)}.")
    store_settings = require_store(
        f"the run's artifacts are at {root} in the cluster's store, which must be set to fetch them"
    )
    store = connect(replace(store_settings, bucket=match["bucket"]), create=False)
    prefix = (match["prefix"] or "").strip("/")
    return RunArtifacts(store, "/".join([*filter(None, [prefix]), pipeline.name, run.id, ""]), pipeline)
