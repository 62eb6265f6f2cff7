"""The port of the search, and its implementation in this process."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from headrace.core.base.files import dumps
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.loop import SearchPlan, search
from headrace.experiments.search.result import SearchResult, Trial
from headrace.experiments.trials import best_bundle
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study

Listener = Callable[[Trial], None]


class Tuner(Protocol):
    """Runs the trials of a plan somewhere.

    What every implementation promises: each trial is a cross-validation on the study's rows and folds by the same code,
    and is told to the listener once, when it has ended; a trial that fails is recorded and does not end the search;
    the best is the first of the best that ran to their end; the bundle of the best lies in its folder when the call
    returns, and there is none after an error.
    """

    @property
    def name(self) -> str:
        """``local`` or ``katib``."""

    def tune(self, plan: SearchPlan, study: Study, *, bundle: Path, listener: Listener) -> SearchResult:
        """Search.

        Args:
            plan: What is searched.
            study: Rows and folds.
            bundle: Folder in which the bundle of the best trial is to lie.
            listener: Called after each trial, from any thread.

        Returns:
            All trials and the best one.

        Raises:
            FailedSearchError: If there is no best one.
        """


class LocalTuner:
    """Trials in this process, with Optuna; see ``Tuner``."""

    name = "local"

    def __init__(self, journal: Path | None = None) -> None:
        """Prepare.

        Args:
            journal: File in which finished trials are kept until the search is whole, or a folder in which each
                search has a file of its own; None for none.
        """
        self._journal = journal

    def tune(self, plan: SearchPlan, study: Study, *, bundle: Path, listener: Listener) -> SearchResult:
        """See ``Tuner.tune``.

        Raises:
            InputError: If the journal holds another search.
            FailedSearchError: If there is no best trial.
        """
        journal = self._open_journal(plan, study)
        with CrossValidation.on(study.sample, plan.objective) as run:
            found = search(plan, run, journal=journal, listener=listener)
            predictions = run.predictions(found.best)
        best_bundle.keep(found.best, study, predictions, bundle, metric=plan.objective.metric)
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


def identity(plan: SearchPlan, study: Study) -> dict[str, object]:
    """What two searches have in common if one may go on where the other was; the budget is not part of it."""
    searched = [
        {
            "name": one.name,
            "family": one.family,
            "space": {name: repr(kind) for name, kind in one.space.items()},
            "objective": {**asdict(one.objective), "goal": None},
            "algorithm": one.algorithm,
            "settings": {name: repr(value) for name, value in one.settings.items()},
            "stopping": None if one.stopping is None else dict(one.stopping),
            "parallel": one.parallel,
        }
        for one in plan.experiments
    ]
    return {"experiments": searched, "defaults": plan.defaults, "suggestions": plan.seed, **study.facts()}
