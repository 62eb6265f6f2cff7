"""Runs trials that are pipelines on this machine: each with kfp.local in a process and a folder of its own."""

import hashlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headrace.core.base.files import dumps, read_json, write_text
from headrace.core.evaluation.search_trials import Trial
from headrace.core.runtime.processes import stop_pid
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.loop import FailedSearchError, SearchPlan, TrialRequest, search
from headrace.experiments.search.result import SearchResult
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners.local import Listener
from headrace.pipelines.local.run_folder import TrialFolder
from headrace.pipelines.local.runner import run_pipeline

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class LocalPipelineTuner:
    """Runs the trials of a search; see ``PipelineTuner``.

    Attributes:
        searches: Folder of unfinished searches.
        lease: The lease of the run, which no trial outlives.
        environment: Variables for the steps.
    """

    searches: Path
    lease: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    name = "local"

    def tune(self, plan: SearchPlan, trial: PipelineTrial, *, folder: Path, listener: Listener) -> SearchResult:
        """Search, as ``PipelineTuner.tune`` says; a later search of the same identity reuses finished trials.

        Raises:
            FailedSearchError: If there is no best trial.
        """
        searched = identity(plan, trial)
        home = self.searches / hashlib.sha256(dumps(searched).encode()).hexdigest()[:16]
        journal = TrialJournal(home.with_suffix(".jsonl"), search=searched)
        runs = _Runs(trial, home, self.lease, self.environment)
        # In a thread of its own, so that an interrupt of this one need not wait for trials to end.
        with ThreadPoolExecutor(1) as pool:
            searching = pool.submit(search, plan, runs, journal=journal, listener=listener)
            try:
                while not wait([searching], _LOOK_SECONDS).done:  # without a time-out, signals would go unhandled
                    pass
                result = searching.result()
            except FailedSearchError:
                _conclude(home, folder, journal)
                raise
            except BaseException:
                runs.stopped.set()
                raise
        _conclude(home, folder, journal)
        return result


def _conclude(home: Path, folder: Path, journal: TrialJournal) -> None:
    """Move the trials of a finished search to the results, and close its journal."""
    home.rename(folder)
    journal.close()


class _Stopped(BaseException):
    """A trial was stopped because the search was; it does not count as failed."""


@dataclass(frozen=True)
class _Runs:
    """Runs one trial; see ``TrialRunner``."""

    trial: PipelineTrial
    home: Path
    lease: Path
    environment: Mapping[str, str]
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        write_text(self._file, self.trial.pipeline.text)

    @property
    def _file(self) -> Path:
        return self.home / "pipeline.yaml"

    def __call__(self, request: TrialRequest) -> Trial:
        if self.stopped.is_set():
            raise _Stopped
        began = time.monotonic()
        folder = TrialFolder(self.home / request.name, self.lease)
        folder.begin()
        address = str(folder.result)
        outcome = run_pipeline(
            self._file,
            self.trial.arguments(request.values, result=address),
            folder=folder,
            environment=self.environment,
            watch=lambda _: None,
            stop=self.stopped,
        )
        if self.stopped.is_set():
            raise _Stopped
        _stop_endpoints(folder)
        folder.end()
        seconds = time.monotonic() - began
        return self.trial.end_trial(request, address, seconds=seconds, error=str(outcome.error or ""))


def _stop_endpoints(folder: TrialFolder) -> None:
    """Stop the servers that a trial deployed; the run's lease would keep one of each trial until the search ends."""
    for path in folder.steps.glob("*/**/deploy*/endpoint"):
        pid = read_json(path).get("pid")
        if pid:
            stop_pid(int(pid))


def identity(plan: SearchPlan, trial: PipelineTrial) -> dict[str, object]:
    """Return what two searches must have in common for one to resume the other; the budget is not part of it."""
    experiment = trial.experiment
    return {
        "experiment": experiment.name,
        "space": {name: repr(kind) for name, kind in experiment.space.items()},
        "objective": {**asdict(experiment.objective), "goal": None},
        "algorithm": experiment.algorithm,
        "settings": {name: repr(value) for name, value in experiment.settings.items()},
        "parallel": experiment.parallel,
        "suggestions": plan.seed,
        "pipeline": hashlib.sha256(trial.pipeline.text.encode()).hexdigest(),
        "arguments": dict(experiment.arguments),
    }
