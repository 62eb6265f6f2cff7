"""The search on a cluster: Katib's Experiments, whose trials run the image of this suite."""

import json
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import EXPERIMENTS, SUGGESTIONS, TRIALS
from headrace.cluster.api.lease import hold_claim
from headrace.cluster.api.lease_document import LeaseSubject
from headrace.core.base.errors import MissingError
from headrace.core.base.settings import StoreSettings
from headrace.core.evaluation.search_trials import Trial
from headrace.core.runtime.signals import ended_by_sigterm
from headrace.experiments.search.loop import FailedSearchError, SearchPlan
from headrace.experiments.search.result import SearchResult, best_of
from headrace.experiments.space.experiment import Experiment, Objective
from headrace.experiments.trial_job import record_key
from headrace.experiments.trials import best_bundle, study_files
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study
from headrace.experiments.trials.study_files import StoredStudy
from headrace.experiments.tuners import katib_ending as ending
from headrace.experiments.tuners import katib_namespace, katib_spec, katib_status
from headrace.experiments.tuners.katib_ending import Cleanup, RunningExperiment
from headrace.experiments.tuners.katib_spec import TrialPod
from headrace.experiments.tuners.local import Listener
from headrace.stores.bundles import bundle_store, folder_store
from headrace.stores.objects.object_store import ObjectStore, connect

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
Write = Callable[[Experiment, Path], None]
_MOST_RECORD_BYTES = 1 << 20
# A trial's record may appear a moment after its status.
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class KatibOptions:
    """How to run Experiments.

    Attributes:
        pod: Image and settings of a trial's pod.
        deadline_seconds: Longest time for all of them.
        cleanup: When the Experiments are deleted: ``always``, if they ``succeeded``, or ``never``. One that is still
            running when the search ends continues with ``never``, and is deleted otherwise.
        poll_seconds: Seconds between two polls.
    """

    pod: TrialPod
    deadline_seconds: float = 86_400.0
    cleanup: Cleanup = "succeeded"
    poll_seconds: float = 5.0


class KatibTuner:
    """Runs trials in pods of their own, chosen by Katib; see ``Tuner``."""

    name = "katib"

    def __init__(self, cluster: Cluster, store: StoreSettings, options: KatibOptions) -> None:
        """Set the cluster, the store and the options.

        Args:
            cluster: Where Katib is.
            store: The object store that this process and the trials' pods share.
            options: How to run Experiments.
        """
        self._cluster = cluster
        self._settings = store
        self._options = options

    def tune(self, plan: SearchPlan, study: Study, *, bundle: Path, listener: Listener) -> SearchResult:
        """Search, as ``Tuner.tune`` says. An interrupt, also by SIGTERM, deletes the Experiments.

        Raises:
            InputError: If an Experiment cannot be sent, or the namespace accepts none.
            ClusterError: If the cluster cannot be reached.
            FailedSearchError: If an Experiment fails, takes too long, or has no best trial.
        """

        def keep(best: Trial) -> None:
            self._keep(best, study, bundle, plan.objective)

        return self.run(plan, _files(study), listener=listener, keep=keep)

    def run(
        self, plan: SearchPlan, write: Write, *, listener: Listener, keep: Callable[[Trial], None] = lambda _: None
    ) -> SearchResult:
        """Have Katib run the trials of a plan, of any kind; raise as ``tune`` does.

        Args:
            plan: The search.
            write: Writes the files that the trials of an Experiment need to a folder, which is uploaded to the store.
            listener: Called after each trial.
            keep: Called with the best trial, while the Experiments still exist.
        """
        store = connect(self._settings)
        katib_namespace.check(self._cluster, account=self._options.pod.service_account)
        # SIGTERM raises here, so that a stopped process deletes its Experiments like an interrupted one.
        with ended_by_sigterm(), ExitStack() as claims:
            started: list[RunningExperiment] = []
            try:
                for experiment in plan.experiments:
                    self._start(experiment, write, store, started, claims)
                self._wait(started, store, listener)
                result = _build_result(started, plan)
            except FailedSearchError as failure:
                consequence = ending.after_failure(self._cluster, started, self._options.cleanup)
                raise FailedSearchError(f"{str(failure).rstrip('.')}{consequence}.", failure.trials) from failure
            except BaseException:
                ending.end(self._cluster, started, delete=True)
                raise
            keep(result.best)
            ending.end(self._cluster, started, delete=self._options.cleanup != "never")
            return result

    def manifests(self, plan: SearchPlan, study: Study) -> list[Document]:
        """Return the Experiments as they would be sent; upload their study to the store."""
        store = connect(self._settings)
        return [self._document(experiment, _files(study), store)[0] for experiment in plan.experiments]

    def _document(self, experiment: Experiment, write: Write, store: ObjectStore) -> tuple[Document, str]:
        with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            folder = Path(scratch)
            write(experiment, folder)
            uri = folder_store.put(folder, store, f"studies/{experiment.name}")
        document = katib_spec.build(experiment, suffix=uuid.uuid4().hex[:8], study=uri, pod=self._options.pod)
        return document, uri

    def _start(
        self,
        experiment: Experiment,
        write: Write,
        store: ObjectStore,
        started: list[RunningExperiment],
        claims: ExitStack,
    ) -> None:
        document, uri = self._document(experiment, write, store)
        name = document["metadata"]["name"]
        claim = claims.enter_context(hold_claim(self._cluster, LeaseSubject(EXPERIMENTS.kind, name)))
        # Added to the list before it is created, so that an interrupt in between deletes it too.
        started.append(RunningExperiment(experiment, name, uri, claim))
        self._cluster.create(document)

    def _wait(self, started: Sequence[RunningExperiment], store: ObjectStore, listener: Listener) -> None:
        deadline = time.monotonic() + self._options.deadline_seconds
        while True:
            for running in started:
                self._look(running, store, listener, first=sum(len(sibling.trials) for sibling in started))
            if all(running.reason for running in started):
                return
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._late(started)
            time.sleep(min(self._options.poll_seconds, remaining))

    def _look(self, running: RunningExperiment, store: ObjectStore, listener: Listener, *, first: int) -> None:
        """Read the states of an Experiment and its trials, and report trials that have ended since the last poll."""
        running.claim.check()
        if running.reason:
            return
        experiment = self._cluster.get(EXPERIMENTS, running.name)
        if experiment is None:
            running.claim.confirm()  # raises if a cleanup deleted the Experiment
            running.has_ended = True
            raise FailedSearchError(f"the Experiment {running.name} must be there until its end; somebody deleted it.")
        refused = katib_status.failure_reason(experiment, self._cluster.get(SUGGESTIONS, running.name))
        reason = katib_status.success_reason(experiment)
        running.has_ended = bool(refused or reason)
        if running.has_ended:  # Katib updates the last trials a moment later
            time.sleep(_SETTLE_SECONDS)
        documents = self._cluster.list(TRIALS, labels=f"{EXPERIMENT_LABEL}={running.name}")
        for document in sorted(documents, key=_age):
            name = document["metadata"]["name"]
            if name not in running.trials and katib_status.trial_outcome(document):
                record = _record(store, running.study, name)
                running.trials[name] = katib_status.read(document, first, running.experiment, record)
                first += 1
                listener(running.trials[name])
        if refused:
            raise FailedSearchError(
                f"the Experiment {running.name} must come to a good end; Katib says: {refused}.",
                _number_trials([running]),
            )
        running.reason = reason

    def _late(self, started: Sequence[RunningExperiment]) -> FailedSearchError:
        open_ones = [running for running in started if not running.has_ended]
        ended_trials = sum(len(running.trials) for running in open_ones)
        return FailedSearchError(
            f"{ending.describe_experiments(open_ones)} must end within {self._options.deadline_seconds:g} s, and "
            f"{ended_trials} of its trials "
            "have ended by then: give it a later deadline, or fewer trials.",
            _number_trials(started),
        )

    def _keep(self, best: Trial, study: Study, folder: Path, objective: Objective) -> None:
        """Fetch the bundle of the best trial, or build it here if the trial's template stores none."""
        if best.bundle:
            bundle_store.fetch(best.bundle, folder, settings=self._settings)
            return
        with CrossValidation.on(study.sample, objective) as run:
            predictions = run.predictions(best)
        best_bundle.save(best, study, predictions, folder, metric=objective.metric)


def _files(study: Study) -> Write:
    return lambda experiment, folder: study_files.write(StoredStudy(study, experiment), folder)


def _record(store: ObjectStore, study: str, name: str) -> dict[str, Any] | None:
    """Return the record that a trial stored, or None."""
    try:
        record: dict[str, Any] = json.loads(store.get_bytes(record_key(study, name), _MOST_RECORD_BYTES))
    except MissingError:
        return None
    return record


def _age(document: Document) -> tuple[str, str]:
    metadata = document["metadata"]
    return str(metadata.get("creationTimestamp", "")), str(metadata["name"])


def _number_trials(started: Sequence[RunningExperiment]) -> tuple[Trial, ...]:
    """Return all trials, numbered in order."""
    trials = [trial for running in started for trial in running.trials.values()]
    return tuple(replace(trial, number=number) for number, trial in enumerate(sorted(trials, key=lambda t: t.number)))


def _build_result(started: Sequence[RunningExperiment], plan: SearchPlan) -> SearchResult:
    trials = _number_trials(started)
    best = best_of(trials, plan.objective)
    if best is None:
        first = next((trial.error for trial in trials if trial.error), "no trial was run")
        raise FailedSearchError(
            f"at least one trial of the search must succeed; all {len(trials)} failed, the first with: {first}.", trials
        )
    return SearchResult(trials, best, started[0].reason)
