"""What the steps of a run on a cluster left in the object store.

Kubeflow Pipelines does not say where artifacts lie. Its launcher writes each to
``ROOT/PIPELINE/RUN/TASK/SALT/ARTIFACT``, where the salt is a UUID of the execution. A step whose outputs were taken
from an earlier run has nothing there: what it left is found by what later steps were given (``earlier.py``).
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
"""The artifact that holds what a step printed; the launcher uploads it, also if the step failed.

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
        task: Name of the task that left it.
        salt: The execution's UUID; empty if there is none in the key.
        path: The artifact's name, and what lies inside it, as parts of a path.
    """

    key: str
    task: str
    salt: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class TaskTrace:
    """What a task left in the store.

    Attributes:
        log: Whether its log is there.
        outputs: Whether an artifact is there that it declares: it came to its end.
    """

    log: bool = False
    outputs: bool = False


@dataclass(frozen=True)
class RunArtifacts:
    """Objects of one run.

    Attributes:
        store: Where they lie.
        home: Prefix of all of them, with the last slash.
        pipeline: What the run ran.
    """

    store: ObjectStore
    home: str
    pipeline: PipelineFile

    def all(self) -> Iterator[RunObject]:
        """The objects.

        Raises:
            StoreError: If the store fails.
        """
        for item in self.store.list(self.home):
            task, *rest = item.key.removeprefix(self.home).split("/")
            salted = len(rest) > 1 and _is_uuid(rest[0])
            if rest:
                yield RunObject(item.key, task, rest[0] if salted else "", tuple(rest[1:] if salted else rest))

    def log(self, task: str) -> str:
        """What a task printed at its last attempt; empty if the store does not hold it."""
        logs = [left for left in self.all() if left.task == task and self._is_log(left)]
        found = sorted([left for left in logs if left.path[0].startswith(LOG)] or logs, key=_attempt)
        try:
            return self.store.get_bytes(found[-1].key, _MOST_LOG_BYTES).decode("utf-8", "replace") if found else ""
        except MissingError:
            return ""

    def _is_log(self, left: RunObject) -> bool:
        """Whether an object is a log: by its name, if it is no artifact of the step's."""
        step = self.pipeline.steps.get(left.task)
        declared = step.artifacts if step else {}
        return left.path[0] not in declared and "log" in "/".join(left.path).lower()

    def traces(self) -> Mapping[str, TaskTrace]:
        """What each task left; one that left nothing is not in it.

        Raises:
            StoreError: If the store fails.
        """
        found: dict[str, TaskTrace] = {}
        for left in self.all():
            step, before = self.pipeline.steps.get(left.task), found.get(left.task, TaskTrace())
            own = step is not None and left.path[0] in step.artifacts
            found[left.task] = TaskTrace(before.log or self._is_log(left), before.outputs or own)
        return found

    def iterate_reused(self) -> Iterator[RunObject]:
        """What steps that were taken from earlier runs had left there, as far as this run's own steps were given it.

        Raises:
            StoreError: If the store fails.
        """
        own = list(self.all())
        logs = (self.log(task) for task in sorted({left.task for left in own}))
        ran = {left.task for left in own if not self._is_log(left)}
        for task, prefix in reused_artifacts.places(logs, home=self.home).items():
            if task in self.pipeline.steps and task not in ran:
                salt = prefix.rstrip("/").rpartition("/")[2]
                for item in self.store.list(prefix):
                    yield RunObject(item.key, task, salt, tuple(item.key.removeprefix(prefix).split("/")))

    def fetch(self, folder: Path) -> set[str]:
        """Bring everything but tables here, to ``folder/RUN/SALT/TASK/ARTIFACT``; from earlier runs too.

        Returns:
            The tasks that left something.

        Raises:
            StoreError: If the store fails.
        """
        tasks = set()
        for left in (*self.all(), *self.iterate_reused()):
            tasks.add(left.task)
            step = self.pipeline.steps.get(left.task)
            if step is None or step.artifacts.get(left.path[0]) != _TABLE:
                self.store.get_file(left.key, folder.joinpath("run", left.salt or "0", left.task, *left.path))
        return tasks


def _attempt(left: RunObject) -> tuple[list[int], str]:
    """By which logs of a task are put in order: the numbers in their names, as numbers."""
    name = "/".join(left.path)
    return [int(number) for number in _NUMBER.findall(name)], name


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def artifacts(run: PipelineRun, pipeline: PipelineFile) -> RunArtifacts:
    """The objects of a run, in the store of the environment.

    Raises:
        InputError: If no store is set, or the run's root is in none that can be read.
        StoreError: If the store does not answer, refuses the keys, or has no such bucket.
    """
    root = run.root or DEFAULT_ROOT
    match = _ROOT.fullmatch(root)
    if match is None:
        raise InputError(f"artifacts can be fetched from s3:// and minio:// only; the run's lie at {quote(root, 200)}.")
    given = require_store(f"the run's artifacts lie at {root} in the cluster's store, which must be set to fetch them")
    store = connect(replace(given, bucket=match["bucket"]), create=False)
    prefix = (match["prefix"] or "").strip("/")
    return RunArtifacts(store, "/".join([*filter(None, [prefix]), pipeline.name, run.id, ""]), pipeline)
