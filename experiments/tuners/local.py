"""The port of the search, ``Tuner``, and its implementation in this process."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from headrace.core.base.files import dumps
from headrace.core.evaluation.search_trials import Trial
from headrace.core.models import fitting
from headrace.core.runtime.step_events import progress
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.loop import SearchPlan, search
from headrace.experiments.search.result import SearchResult
from headrace.experiments.trials import best_bundle
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.finish_search import finish_search
from headrace.experiments.trials.study import Study
from headrace.experiments.trials.trial_predictions import TrialPredictions

# How trials follow from scores; a search that older rules began is not resumed.
_RULES = 2
_MOST_SLOWNESS = 5.0
# An ensemble has two to five members, which are fitted side by side; a guess, since they are chosen at the end.
_FITS_OF_AN_ENSEMBLE = 2.0

Listener = Callable[[Trial], None]


class Tuner(Protocol):
    """Runs the trials of a plan somewhere.

    Every implementation guarantees: each trial is a cross-validation on the study's rows and folds by the same code;
    the listener is called once for each trial, when it has ended; a failed trial is recorded and does not end the
    search; the best trial is the first of the best completed ones; its bundle is in its folder when the call returns,
    and there is none after an error.
    """

    @property
    def name(self) -> str:
        """``local`` or ``katib``."""

    def tune(self, plan: SearchPlan, study: Study, *, bundle: Path, listener: Listener) -> SearchResult:
        """Run the search.

        Args:
            plan: The search.
            study: Rows and folds.
            bundle: Folder for the bundle of the best trial.
            listener: Called after each trial, from any thread.

        Returns:
            All trials and the best one.

        Raises:
            FailedSearchError: If there is no best trial.
        """


class LocalTuner:
    """Runs trials in this process, with Optuna; see ``Tuner``."""

    name = "local"

    def __init__(self, journal: Path | None = None) -> None:
        """Set the journal.

        Args:
            journal: File that stores finished trials until the search is complete, or a folder in which each
                search has a file of its own; None for none.
        """
        self._journal = journal

    def tune(self, plan: SearchPlan, study: Study, *, bundle: Path, listener: Listener) -> SearchResult:
        """Search, as ``Tuner.tune`` says.

        Raises:
            InputError: If the journal is from another search.
            FailedSearchError: If there is no best trial.
        """
        journal = self._open_journal(plan, study)
        # Without an ensemble nothing reads them.
        kept = (
            None
            if plan.ensemble == "off"
            else TrialPredictions.beside(journal.path, plan.objective, resumed=journal.resumed)
        )
        with CrossValidation.on(study.sample, plan.objective, kept=kept) as run:
            ending = _EndingEstimate(study, fits=1.0 if plan.ensemble == "off" else _FITS_OF_AN_ENSEMBLE)
            found = search(plan, run, journal=journal, listener=listener, ending=ending)
            if plan.budget.seconds:
                progress("tune", f"fitting the best on all rows, about {ending(found.best):.0f} s")
            found, predictions = finish_search(found, plan, run)
        best_bundle.save(found.model, study, predictions, bundle, metric=plan.objective.metric)
        if kept:
            kept.close()
        journal.close()
        return found

    def _open_journal(self, plan: SearchPlan, study: Study) -> TrialJournal:
        if self._journal is None:
            return TrialJournal()
        searched = identity(plan, study)
        if not self._journal.is_dir():
            return TrialJournal(self._journal, search=searched)
        name = hashlib.sha256(dumps(searched).encode()).hexdigest()[:16]
        return TrialJournal(self._journal / f"{name}.jsonl", search=searched)


class _EndingEstimate:
    """Estimates how long the bundle of a trial will take, by how busy the machine has been since the search began."""

    def __init__(self, study: Study, *, fits: float) -> None:
        self._study, self._fits = study, fits
        self._began = time.monotonic(), time.process_time()

    def __call__(self, trial: Trial) -> float:
        passed = time.monotonic() - self._began[0]
        worked = time.process_time() - self._began[1]
        # A search that has the machine for itself works on all cores all the time.
        slowness = min(max(fitting.cores() * passed / max(worked, 1e-3), 1.0), _MOST_SLOWNESS)
        return self._fits * best_bundle.estimate_seconds(trial, self._study, cores=fitting.cores(), slowness=slowness)


def identity(plan: SearchPlan, study: Study) -> dict[str, object]:
    """Return what two searches must have in common for one to resume the other; the budget is not part of it."""
    searched = [
        {
            "name": experiment.name,
            "family": experiment.family,
            "space": {name: repr(kind) for name, kind in experiment.space.items()},
            "objective": {**asdict(experiment.objective), "goal": None},
            "algorithm": experiment.algorithm,
            "settings": {name: repr(value) for name, value in experiment.settings.items()},
            "stopping": None if experiment.stopping is None else dict(experiment.stopping),
            "parallel": experiment.parallel,
        }
        for experiment in plan.experiments
    ]
    return {
        "rules": _RULES,
        "experiments": searched,
        "defaults": plan.defaults,
        "suggestions": plan.seed,
        **study.facts(),
    }
