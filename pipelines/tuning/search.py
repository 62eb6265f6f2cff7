"""A search whose trials are pipelines: the port that runs them, and the document that results."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Protocol

from headrace.core.base.files import write_json
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.loop import FailedSearchError, SearchPlan
from headrace.experiments.search.progress import SearchProgress
from headrace.experiments.search.result import SearchDocument, SearchResult
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners.local import Listener


class PipelineTuner(Protocol):
    """Runs the trials of a plan somewhere.

    Every implementation guarantees: each trial is a run of the compiled pipeline with arguments that are cast by the
    same code; the listener is called once for each trial, when it has ended; a failed trial is recorded with the
    sentence of the failed step, and does not end the search; the best trial is the first of the best completed ones.
    """

    @property
    def name(self) -> str:
        """``local`` or ``katib``."""

    def tune(self, plan: SearchPlan, trial: PipelineTrial, *, folder: Path, listener: Listener) -> SearchResult:
        """Run the search.

        Args:
            plan: The search; its only Experiment is the trial's.
            trial: The pipeline of a trial.
            folder: New folder for the local artifacts of the trials, by their names; it must not exist.
            listener: Called after each trial, from any thread.

        Returns:
            All trials and the best one.

        Raises:
            FailedSearchError: If there is no best trial.
        """


def read(name: str, *, arguments: Mapping[str, str]) -> PipelineTrial | None:
    """Read an Experiment and the pipeline that its trials run.

    Args:
        name: The Experiment's file, or the name of a shipped one.
        arguments: Arguments, as texts, in place of those that its trials share.

    Returns:
        Both; None if its trials fit a model instead of running a pipeline.

    Raises:
        MissingError: If a file does not exist.
        InputError: If one of them is invalid, or they do not match.
    """
    path = Path(name)
    folders = (resources.files("headrace.pipelines"), resources.files("headrace.experiments") / "spaces")
    for folder in folders:
        shipped = Path(str(folder / f"{name}.yaml"))
        if name.isidentifier() and not path.exists() and shipped.is_file():
            path = shipped
    return pipeline_trial.load(path, arguments=arguments)


def tune_pipeline(
    plan: SearchPlan, trial: PipelineTrial, tuner: PipelineTuner, *, home: Path, say: Callable[[str], None]
) -> SearchDocument:
    """Run the search, and write its result.

    Args:
        plan: The search.
        trial: The pipeline of a trial.
        tuner: Runs the trials.
        home: Folder for ``trials.json``, which is written even if the search fails, and for ``trials/``.
        say: Takes a line of progress.

    Returns:
        The document of the search.

    Raises:
        FailedSearchError: If there is no best trial.
    """
    began = time.monotonic()
    progress = SearchProgress(plan, say)
    try:
        searched = tuner.tune(plan, trial, folder=home / "trials", listener=progress)
    except FailedSearchError as failure:
        result = _result(plan, tuner.name, failure.trials, seconds=time.monotonic() - began)
        write_json(home / "trials.json", result.as_json())
        raise
    result = _result(plan, tuner.name, searched.trials, seconds=time.monotonic() - began)
    result = replace(result, reason=searched.reason, best=searched.best.number)
    write_json(home / "trials.json", result.as_json())
    say(progress.conclusion())
    return result


def _result(plan: SearchPlan, tuner: str, trials: tuple[Trial, ...], *, seconds: float) -> SearchDocument:
    """Return the document of a search without its end; rows and folds are 0, because they are the pipeline's own."""
    return SearchDocument(
        tuner=tuner,
        experiments=tuple(experiment.name for experiment in plan.experiments),
        algorithm=", ".join(sorted({experiment.algorithm for experiment in plan.experiments})),
        objective=plan.objective,
        rows=0,
        folds=0,
        reason="",
        seconds=seconds,
        trials=trials,
        best=None,
    )
