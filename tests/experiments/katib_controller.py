"""Katib's controllers, played against a real API server: no cluster runs here whose pods could be trials.

It does what was seen of Katib: a Suggestion beside each Experiment, Trials with their assignments, a Job's container
for each, what the collector reads from its output, conditions and reasons. An Experiment runs to its end whether
somebody watches it or not; one that is deleted takes its Suggestion and Trials with it, as Kubernetes' collector of
garbage has it. Where the node has no room for a trial's pod, an event says so and the trial waits, without a word in
its conditions.
"""

import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.cluster.api import yaml_documents
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS, SUGGESTIONS, TRIALS
from headrace.core.base.errors import MissingError
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search import suggestion
from tests.experiments import jobs
from tests.experiments.collector import observation

Ran = tuple[int, str]
Run = Callable[[Mapping[str, Any]], Ran]
"""Runs a Job: exit code and output of its container."""


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def condition(kind: str, reason: str, message: str = "") -> dict[str, str]:
    """A condition that holds."""
    moment = now()
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
    }


@dataclass
class Controller:
    """Katib for one namespace.

    Attributes:
        cluster: Where, as an administrator.
        run: Runs a trial's Job.
        refuses: Message with which the suggestion service refuses; empty if it does not.
        processors: Processors of the node; None for as many as are asked for.
    """

    cluster: Cluster
    run: Run
    refuses: str = ""
    processors: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    _room: threading.Condition = field(default_factory=threading.Condition)
    _taken: int = 0

    def work(self) -> None:
        """Look after the namespace until told to end."""
        seen: set[str] = set()
        with ThreadPoolExecutor(4) as pool:
            while not self.ended.is_set():
                for experiment in self.cluster.list(EXPERIMENTS):
                    name = experiment["metadata"]["name"]
                    if name not in seen:
                        seen.add(name)
                        pool.submit(self._looked_after, experiment)
                time.sleep(0.1)

    def _looked_after(self, experiment: Mapping[str, Any]) -> None:
        """An Experiment, until its end or until it is deleted."""
        try:
            self._experiment(experiment)
        except MissingError:
            self._collect(experiment["metadata"]["name"])
        except BaseException as error:
            self.failures.append(error)
            # Whoever waits for the Experiment hears of it at once.
            self._end(experiment["metadata"]["name"], "Failed", "ExperimentFailed", f"the play fails: {error!r}")
            raise

    def _experiment(self, experiment: Mapping[str, Any]) -> None:
        name, spec = experiment["metadata"]["name"], experiment["spec"]
        self._status(EXPERIMENTS, name, {"conditions": [condition("Created", "ExperimentCreated")]})
        self._make(SUGGESTIONS, experiment, name, {"algorithm": spec["algorithm"], "requests": 1})
        if self.refuses:
            self._status(SUGGESTIONS, name, {"conditions": [condition("Failed", "SuggestionFailed", self.refuses)]})
            self._status(
                EXPERIMENTS, name, {"conditions": [condition("Failed", "ExperimentFailed", "Suggestion failed")]}
            )
            return
        told = {key: experiment["metadata"].get(key, {}) for key in ("labels", "annotations")}
        document = {**experiment, "metadata": {"name": "e", **told}}
        asking = suggestion.make(experiment_yaml.parse(yaml_documents.dump(document), source=name), seed=1)
        most, together = spec.get("maxTrialCount", 100), spec["parallelTrialCount"]
        ended: list[str] = []
        with ThreadPoolExecutor(together) as pool:
            while len(ended) < most and not self.ended.is_set():
                self._still_there(experiment)
                asked = asking.ask(min(together, most - len(ended)))
                running: list[tuple[int, Future[tuple[str, float | None]]]] = []
                for number, values in asked:
                    trial = f"{name}-{len(ended) + len(running):02d}x"
                    running.append((number, pool.submit(self._trial, experiment, trial, values)))
                for number, future in running:
                    status, score = future.result()
                    ended.append(status)
                    asking.tell(number, score)
                failed = sum(status in {"Failed", "MetricsUnavailable"} for status in ended)
                if spec.get("maxFailedTrialCount") and failed >= spec["maxFailedTrialCount"]:
                    self._end(name, "Failed", "ExperimentFailed", "max failed count has reached")
                    return
        self._end(name, "Succeeded", "ExperimentMaxTrialsReached", "Experiment has succeeded")

    def _still_there(self, experiment: Mapping[str, Any]) -> None:
        """Stop where the Experiment is gone.

        Raises:
            MissingError: If it is.
        """
        name = experiment["metadata"]["name"]
        found = self.cluster.get(EXPERIMENTS, name)
        if found is None or found["metadata"]["uid"] != experiment["metadata"]["uid"]:
            raise MissingError(f"the Experiment {name} is gone.")

    def _collect(self, name: str) -> None:
        """Take away what a deleted Experiment owned."""
        for kind in (TRIALS, SUGGESTIONS):
            for owned in self.cluster.list(kind, labels=f"katib.kubeflow.org/experiment={name}"):
                self.cluster.delete(kind, owned["metadata"]["name"])

    def _scheduled(self, job: Mapping[str, Any], name: str) -> Ran:
        """Run a Job once its node has room."""
        if self.processors is None:
            return self.run(job)
        wanted = int(jobs.container(job)["resources"]["requests"]["cpu"])
        with self._room:
            if self.processors - self._taken < wanted:
                self._no_room(name)
            self._room.wait_for(lambda: (self.processors or 0) - self._taken >= wanted)
            self._taken += wanted
        try:
            return self.run(job)
        finally:
            with self._room:
                self._taken -= wanted
                self._room.notify_all()

    def _no_room(self, name: str) -> None:
        about = {"kind": "Pod", "name": f"{name}-0", "namespace": self.cluster.namespace}
        told = {"type": "Warning", "reason": "FailedScheduling", "message": INSUFFICIENT}
        metadata = {"name": f"{name}.{uuid.uuid4().hex}"}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": about, **told}
        self.cluster.create(event)

    def _end(self, name: str, kind: str, reason: str, message: str) -> None:
        self._status(EXPERIMENTS, name, {"conditions": [condition(kind, reason, message)]})

    def _trial(self, experiment: Mapping[str, Any], name: str, values: Mapping[str, Any]) -> tuple[str, float | None]:
        spec = experiment["spec"]
        objective = spec["objective"]
        texts = {key: str(value) for key, value in values.items()}
        assignments = [{"name": key, "value": value} for key, value in texts.items()]
        body = {
            "objective": objective,
            "parameterAssignments": assignments,
            "runSpec": {},
            "primaryContainerName": spec["trialTemplate"]["primaryContainerName"],
        }
        self._make(TRIALS, experiment, name, body)
        began = now()
        code, output = self._scheduled(jobs.substituted(experiment, name, texts), name)
        metrics = observation(output, [objective["objectiveMetricName"], *objective.get("additionalMetricNames", [])])
        told = metrics[0]["latest"]
        conditions = [condition("Created", "TrialCreated"), condition("Running", "TrialRunning")]
        if code == STOPPED:
            conditions.append(condition("EarlyStopped", "TrialEarlyStopped", "Trial is early stopped"))
        elif code:
            conditions.append(condition("Failed", "TrialFailed", "Trial has failed. Job reason: BackoffLimitExceeded"))
        elif told == "unavailable":
            conditions.append(condition("MetricsUnavailable", "MetricsUnavailable", "Metrics are not available"))
        else:
            conditions.append(condition("Succeeded", "TrialSucceeded", "Trial has succeeded"))
        status = {"conditions": conditions, "startTime": began, "completionTime": now()}
        self._status(TRIALS, name, {**status, "observation": {"metrics": metrics}})
        kind = conditions[-1]["type"]
        return kind, float(told) if kind == "Succeeded" and math.isfinite(float(told)) else None

    def _make(self, kind: Any, owner: Mapping[str, Any], name: str, spec: Mapping[str, Any]) -> None:
        reference = {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        metadata = {
            "name": name,
            "labels": {"katib.kubeflow.org/experiment": owner["metadata"]["name"]},
            "ownerReferences": [reference],
        }
        self.cluster.create({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec})

    def _status(self, kind: Any, name: str, status: Mapping[str, Any]) -> None:
        self.cluster.patch_status(kind, name, status)


STOPPED = 137
INSUFFICIENT = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available."


@contextmanager
def katib(cluster: Cluster, run: Run, **options: Any) -> Iterator[Controller]:
    """Katib at work in the cluster's namespace for the length of the block."""
    controller = Controller(cluster, run, **options)
    thread = threading.Thread(target=controller.work, daemon=True)
    thread.start()
    try:
        yield controller
    finally:
        controller.ended.set()
        thread.join(60)
    assert not controller.failures, controller.failures
