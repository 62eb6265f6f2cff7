"""The search on a cluster: Katib's Experiments, whose trials run this suite's own image."""

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
from headrace.core.runtime.signals import ended_by_sigterm
from headrace.experiments.search.loop import FailedSearchError, SearchPlan
from headrace.experiments.search.result import SearchResult, Trial, best_of
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
# A record may be a moment behind the Trial's status.
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class KatibOptions:
    """How Experiments are run.

    Attributes:
        pod: What a trial's pod is made of.
        deadline_seconds: Longest time for all of them.
        cleanup: When the Experiments are deleted: ``always``, if they ``succeeded``, or ``never``. One that is still
            running when the search ends goes on with ``never``, and is deleted otherwise.
        poll_seconds: Time between two looks.
    """

    pod: TrialPod
    deadline_seconds: float = 86_400.0
    cleanup: Cleanup = "succeeded"
    poll_seconds: float = 5.0


class KatibTuner:
    """Trials in pods of their own, chosen by Katib; see ``tuner.Tuner``."""

    name = "katib"

    def __init__(self, cluster: Cluster, store: StoreSettings, options: KatibOptions) -> None:
        """Prepare.

        Args:
            cluster: Where Katib is.
            store: The object store that this process and the trials' pods share.
            options: How Experiments are run.
        """
        self._cluster = cluster
        self._settings = store
        self._options = options

    def tune(self, plan: SearchPlan, study: Study, *, bundle: Path, listener: Listener) -> SearchResult:
        """See ``Tuner.tune``. The Experiments are deleted when this is interrupted, by SIGTERM too.

        Raises:
            InputError: If an Experiment cannot be sent, or the namespace takes none.
            ClusterError: If the cluster cannot be asked.
            FailedSearchError: If an Experiment fails, takes too long, or has no best trial.
        """

        def keep(best: Trial) -> None:
            self._keep(best, study, bundle, plan.objective)

        return self.run(plan, _files(study), listener=listener, keep=keep)

    def run(
        self, plan: SearchPlan, write: Write, *, listener: Listener, keep: Callable[[Trial], None] = lambda _: None
    ) -> SearchResult:
        """Have Katib run the trials of a plan, whatever they are; raises as ``tune`` does.

        Args:
            plan: What is searched.
            write: Writes what the trials of an Experiment need to a folder, which is put into the store.
            listener: Called after each trial.
            keep: Called with the best trial, while the Experiments are still there.
        """
        store = connect(self._settings)
        katib_namespace.check(self._cluster, account=self._options.pod.service_account)
        with ended_by_sigterm(), ExitStack() as claims:
            made: list[RunningExperiment] = []
            try:
                for experiment in plan.experiments:
                    self._start(experiment, write, store, made, claims)
                self._wait(made, store, listener)
                found = _build_result(made, plan)
            except FailedSearchError as failure:
                said = ending.after_failure(self._cluster, made, self._options.cleanup)
                raise FailedSearchError(f"{str(failure).rstrip('.')}{said}.", failure.trials) from failure
            except BaseException:
                ending.end(self._cluster, made, delete=True)
                raise
            keep(found.best)
            ending.end(self._cluster, made, delete=self._options.cleanup != "never")
            return found

    def manifests(self, plan: SearchPlan, study: Study) -> list[Document]:
        """The Experiments as they would be sent; their study is put into the store."""
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
        self, experiment: Experiment, write: Write, store: ObjectStore, made: list[RunningExperiment], claims: ExitStack
    ) -> None:
        document, uri = self._document(experiment, write, store)
        name = document["metadata"]["name"]
        claim = claims.enter_context(hold_claim(self._cluster, LeaseSubject(EXPERIMENTS.kind, name)))
        # Listed first: one that is interrupted while it is made is deleted too.
        made.append(RunningExperiment(experiment, name, uri, claim))
        self._cluster.create(document)

    def _wait(self, made: Sequence[RunningExperiment], store: ObjectStore, listener: Listener) -> None:
        deadline = time.monotonic() + self._options.deadline_seconds
        while True:
            for one in made:
                self._look(one, store, listener, first=sum(len(other.trials) for other in made))
            if all(one.reason for one in made):
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._late(made)
            time.sleep(min(self._options.poll_seconds, left))

    def _look(self, one: RunningExperiment, store: ObjectStore, listener: Listener, *, first: int) -> None:
        """Take in what has become of an Experiment and its trials since the last look."""
        one.claim.check()
        if one.reason:
            return
        experiment = self._cluster.get(EXPERIMENTS, one.name)
        if experiment is None:
            one.claim.confirm()  # raises if it was tidied away
            one.has_ended = True
            raise FailedSearchError(f"the Experiment {one.name} must be there until its end; somebody deleted it.")
        refused = katib_status.failure_reason(experiment, self._cluster.get(SUGGESTIONS, one.name))
        reason = katib_status.success_reason(experiment)
        one.has_ended = bool(refused or reason)
        if one.has_ended:  # the last trials are told a moment later
            time.sleep(_SETTLE_SECONDS)
        documents = self._cluster.list(TRIALS, labels=f"{EXPERIMENT_LABEL}={one.name}")
        for document in sorted(documents, key=_age):
            name = document["metadata"]["name"]
            if name not in one.trials and katib_status.trial_outcome(document):
                record = _record(store, one.study, name)
                one.trials[name] = katib_status.read(document, first, one.experiment, record)
                first += 1
                listener(one.trials[name])
        if refused:
            raise FailedSearchError(
                f"the Experiment {one.name} must come to a good end; Katib says: {refused}.", _number_trials([one])
            )
        one.reason = reason

    def _late(self, made: Sequence[RunningExperiment]) -> FailedSearchError:
        open_ones = [one for one in made if not one.has_ended]
        done = sum(len(one.trials) for one in open_ones)
        return FailedSearchError(
            f"{ending.describe_experiments(open_ones)} must end within {self._options.deadline_seconds:g} s, and "
            f"{done} of its trials "
            "have ended by then: give it a later deadline, or fewer trials.",
            _number_trials(made),
        )

    def _keep(self, best: Trial, study: Study, folder: Path, objective: Objective) -> None:
        """The bundle of the best trial: its own, or, of a template that keeps none, one made here."""
        if best.bundle:
            bundle_store.fetch(best.bundle, folder, settings=self._settings)
            return
        with CrossValidation.on(study.sample, objective) as run:
            predictions = run.predictions(best)
        best_bundle.keep(best, study, predictions, folder, metric=objective.metric)


def _files(study: Study) -> Write:
    return lambda experiment, folder: study_files.write(StoredStudy(study, experiment), folder)


def _record(store: ObjectStore, study: str, name: str) -> dict[str, Any] | None:
    """What a trial itself has kept."""
    try:
        found: dict[str, Any] = json.loads(store.get_bytes(record_key(study, name), _MOST_RECORD_BYTES))
    except MissingError:
        return None
    return found


def _age(document: Document) -> tuple[str, str]:
    metadata = document["metadata"]
    return str(metadata.get("creationTimestamp", "")), str(metadata["name"])


def _number_trials(made: Sequence[RunningExperiment]) -> tuple[Trial, ...]:
    """All trials, each with its place."""
    trials = [trial for one in made for trial in one.trials.values()]
    return tuple(replace(trial, number=number) for number, trial in enumerate(sorted(trials, key=lambda t: t.number)))


def _build_result(made: Sequence[RunningExperiment], plan: SearchPlan) -> SearchResult:
    trials = _number_trials(made)
    best = best_of(trials, plan.objective)
    if best is None:
        first = next((trial.error for trial in trials if trial.error), "no trial was run")
        raise FailedSearchError(
            f"at least one trial of the search must succeed; all {len(trials)} failed, the first with: {first}.", trials
        )
    return SearchResult(trials, best, made[0].reason)
