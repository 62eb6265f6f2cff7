"""Trials that are pipelines, run here: each by kfp.local in a process and a folder of its own."""

import hashlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headrace.core.base.files import dumps, read_json, write_text
from headrace.core.runtime.processes import stop_pid
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.loop import FailedSearchError, SearchPlan, TrialRequest, search
from headrace.experiments.search.result import SearchResult, Trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners.local import Listener
from headrace.pipelines.local.run_folder import TrialFolder
from headrace.pipelines.local.runner import run_pipeline

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class LocalPipelineTuner:
    """Runs the trials of a search; see ``pipeline_search.PipelineTuner``.

    Attributes:
        searches: Folder of searches that have not come to their end.
        lease: The lease of the run, which no trial outlives.
        environment: Variables for the steps.
    """

    searches: Path
    lease: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    name = "local"

    def tune(self, plan: SearchPlan, trial: PipelineTrial, *, folder: Path, listener: Listener) -> SearchResult:
        """See ``PipelineTuner.tune``. Finished trials are found again by the next search of the same kind.

        Raises:
            FailedSearchError: If there is no best trial.
        """
        searched = identity(plan, trial)
        home = self.searches / hashlib.sha256(dumps(searched).encode()).hexdigest()[:16]
        journal = TrialJournal(home.with_suffix(".jsonl"), search=searched)
        runs = _Runs(trial, home, self.lease, self.environment)
        # In a thread of its own: whoever interrupts this one must not have to wait for trials to end.
        with ThreadPoolExecutor(1) as pool:
            searching = pool.submit(search, plan, runs, journal=journal, listener=listener)
            try:
                while not wait([searching], _LOOK_SECONDS).done:  # a wait without an end would not see a signal
                    pass
                found = searching.result()
            except FailedSearchError:
                _conclude(home, folder, journal)
                raise
            except BaseException:
                runs.stopped.set()
                raise
        _conclude(home, folder, journal)
        return found


def _conclude(home: Path, folder: Path, journal: TrialJournal) -> None:
    """A search has come to its end: what its trials left is a result now."""
    home.rename(folder)
    journal.close()


class _Stopped(BaseException):
    """A trial was ended because the search was; it is none that failed."""


@dataclass(frozen=True)
class _Runs:
    """See ``search.Run``."""

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

    def __call__(self, asked: TrialRequest) -> Trial:
        if self.stopped.is_set():
            raise _Stopped
        began = time.monotonic()
        folder = TrialFolder(self.home / asked.name, self.lease)
        folder.begin()
        address = str(folder.result)
        outcome = run_pipeline(
            self._file,
            self.trial.arguments(asked.values, result=address),
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
        return self.trial.end_trial(asked, address, seconds=seconds, error=str(outcome.error or ""))


def _stop_endpoints(folder: TrialFolder) -> None:
    """End the servers that a trial has deployed: the run's lease would keep one of each trial until the search ends."""
    for path in folder.steps.glob("*/**/deploy*/endpoint"):
        pid = read_json(path).get("pid")
        if pid:
            stop_pid(int(pid))


def identity(plan: SearchPlan, trial: PipelineTrial) -> dict[str, object]:
    """What two searches have in common if one may go on where the other was; the budget is not part of it."""
    one = trial.experiment
    return {
        "experiment": one.name,
        "space": {name: repr(kind) for name, kind in one.space.items()},
        "objective": {**asdict(one.objective), "goal": None},
        "algorithm": one.algorithm,
        "settings": {name: repr(value) for name, value in one.settings.items()},
        "parallel": one.parallel,
        "suggestions": plan.seed,
        "pipeline": hashlib.sha256(trial.pipeline.text.encode()).hexdigest(),
        "arguments": dict(one.arguments),
    }
