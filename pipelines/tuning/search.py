"""A search whose trial is a pipeline: the port, and what comes of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Protocol

from headrace.core.base.files import write_json
from headrace.experiments.search.loop import FailedSearchError, SearchPlan
from headrace.experiments.search.progress import SearchProgress
from headrace.experiments.search.result import SearchDocument, SearchResult, Trial
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners.local import Listener


class PipelineTuner(Protocol):
    """Runs the trials of a plan somewhere.

    What every implementation promises: each trial is a run of the compiled pipeline with arguments that are cast by
    the same code, and is told to the listener once, when it has ended; a trial that fails is recorded with the sentence
    of the step that failed, and does not end the search; the best is the first of the best that ran to their end.
    """

    @property
    def name(self) -> str:
        """``local`` or ``katib``."""

    def tune(self, plan: SearchPlan, trial: PipelineTrial, *, folder: Path, listener: Listener) -> SearchResult:
        """Search.

        Args:
            plan: What is searched; its only Experiment is the trial's.
            trial: What a trial runs.
            folder: Where what the trials left here is to lie, by their names; it must not exist.
            listener: Called after each trial, from any thread.

        Returns:
            All trials and the best one.

        Raises:
            FailedSearchError: If there is no best one.
        """


def read(name: str, *, arguments: Mapping[str, str]) -> PipelineTrial | None:
    """Read an Experiment and the pipeline that its trials run.

    Args:
        name: The Experiment's file, or the name of a shipped one.
        arguments: Arguments, as texts, in place of those that its trials share.

    Returns:
        Both; None if a trial of it fits a model.

    Raises:
        MissingError: If a file is not there.
        InputError: If one of them cannot be used, or they do not fit together.
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
    """Search, and write what came of it.

    Args:
        plan: What is searched.
        trial: What a trial runs.
        tuner: Where.
        home: Folder for ``trials.json``, which is written also if the search fails, and ``trials/``.
        say: Takes a line of progress.

    Returns:
        What came of it.

    Raises:
        FailedSearchError: If there is no best trial.
    """
    began = time.monotonic()
    told = SearchProgress(plan, say)
    try:
        found = tuner.tune(plan, trial, folder=home / "trials", listener=told)
    except FailedSearchError as failure:
        result = _result(plan, tuner.name, failure.trials, seconds=time.monotonic() - began)
        write_json(home / "trials.json", result.as_json())
        raise
    result = _result(plan, tuner.name, found.trials, seconds=time.monotonic() - began)
    result = replace(result, reason=found.reason, best=found.best.number)
    write_json(home / "trials.json", result.as_json())
    say(told.conclusion())
    return result


def _result(plan: SearchPlan, engine: str, trials: tuple[Trial, ...], *, seconds: float) -> SearchDocument:
    """What there is to tell of a search without an end; a pipeline's rows and folds are its own business."""
    return SearchDocument(
        engine=engine,
        experiments=tuple(one.name for one in plan.experiments),
        algorithm=", ".join(sorted({one.algorithm for one in plan.experiments})),
        objective=plan.objective,
        rows=0,
        folds=0,
        reason="",
        seconds=seconds,
        trials=trials,
        best=None,
    )
