"""The folder of a run: the results of the last successful run stay complete until the next one's are.

::

    FOLDER/
      summary.json     written last: a folder that has it is complete
      report.html  notebook.ipynb  profile.html  search.html  contract.yaml  trials.json  bundle/  steps/  logs/
      trials/          steps and logs of each trial of a search whose trial is a pipeline
      store/           the local object store; keys in it are never changed
      searches/        finished trials of interrupted searches, which the next run resumes
      failed/          the same files of the last run that failed
"""

import contextlib
import fcntl
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headrace.core.base.errors import InputError

_RESULTS = (
    "report.html",
    "notebook.ipynb",
    "profile.html",
    "search.html",
    "contract.yaml",
    "trials.json",
    "trials",
    "bundle",
    "steps",
    "logs",
    "summary.json",
)
_MARK = ".headrace"
_STAGING = ".staging-"


class PipelinePaths(Protocol):
    """Where a pipeline that runs here writes."""

    @property
    def steps(self) -> Path:
        """Root of the steps' artifacts."""

    @property
    def log(self) -> Path:
        """Everything that the steps print."""

    @property
    def events(self) -> Path:
        """Events of the steps, one JSON object per line."""

    @property
    def lease(self) -> Path:
        """The lock that its processes must not outlive."""


@dataclass(frozen=True)
class TrialFolder:
    """Where a trial writes.

    Attributes:
        home: A folder of its own.
        lease: The lease of the run that it is part of.
    """

    home: Path
    lease: Path

    @property
    def steps(self) -> Path:
        """Root of the steps' artifacts."""
        return self.home / "steps"

    @property
    def log(self) -> Path:
        """Everything that the steps print."""
        return self.home / "logs" / "line.log"

    @property
    def events(self) -> Path:
        """Events of the steps, one JSON object per line."""
        return self.home / "logs" / "events.jsonl"

    @property
    def result(self) -> Path:
        """The metrics that it reports."""
        return self.home / "result.json"

    def begin(self) -> None:
        """Create the folder; delete what a killed search left."""
        _remove(self.home)
        self.log.parent.mkdir(parents=True)

    def end(self) -> None:
        """Delete what only a running trial needs."""
        _remove(self.home / "warm")


@dataclass(frozen=True)
class RunFolder:
    """Where one run writes.

    Attributes:
        home: The folder that the user named.
        staging: Folder of this run's own, inside ``home``.
    """

    home: Path
    staging: Path

    @property
    def steps(self) -> Path:
        """Root of the steps' artifacts."""
        return self.staging / "steps"

    @property
    def log(self) -> Path:
        """Everything that the steps print."""
        return self.staging / "logs" / "line.log"

    @property
    def events(self) -> Path:
        """Events of the steps, one JSON object per line."""
        return self.staging / "logs" / "events.jsonl"

    @property
    def lease(self) -> Path:
        """The lock that the run's helper processes must not outlive."""
        return self.staging / "lease"

    @property
    def searches(self) -> Path:
        """Folder of unfinished searches; shared by all runs of this folder."""
        return self.home / "searches"

    @property
    def store(self) -> Path:
        """Folder of the local object store; shared by all runs of this folder."""
        return self.home / "store"

    def keep(self) -> None:
        """Replace the last run's results by this run's; ``summary.json`` is deleted first and written last."""
        (self.home / "summary.json").unlink(missing_ok=True)
        for name in _RESULTS:
            _replace(self.staging / name, self.home / name)
        shutil.rmtree(self.home / "failed", ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: other searches can still be resumed
            self.searches.rmdir()

    def set_aside(self) -> None:
        """Move the results of a failed run to ``failed/``; leave the last successful results alone."""
        failed = self.home / "failed"
        _remove(failed)
        failed.mkdir()
        for name in _RESULTS:
            if (self.staging / name).exists():
                (self.staging / name).replace(failed / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _replace(new: Path, old: Path) -> None:
    _remove(old)
    if new.exists():
        new.replace(old)


def _claim(home: Path) -> None:
    """Create the folder, or check that it is one of Headrace."""
    for part in ("python3", "{{$"):
        if part in str(home):
            raise InputError(
                f"the path of the output folder holds {part!r}, which the local runner rewrites; "
                "choose another with --output."
            )
    try:
        home.mkdir(parents=True, exist_ok=True)
        foreign = not (home / _MARK).exists() and any(home.iterdir())
        if not foreign:
            (home / _MARK).touch()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"cannot write in the output folder {home}: {reason}; choose another with --output."
        ) from error
    if foreign:
        raise InputError(
            f"the output folder {home} holds files that no run of headrace made; name an empty or a new folder."
        )


@contextlib.contextmanager
def run_folder(home: Path) -> Iterator[RunFolder]:
    """Claim ``home`` for one run; delete first what a killed run left.

    Raises:
        InputError: If it cannot be written, holds foreign files, or another run is at work in it.
    """
    home = home.absolute()
    _claim(home)
    # The kernel releases the lock when this process ends, however it ends: no stale lock can block the next run.
    with (home / _MARK).open("w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another run is at work in {home}; wait for it to end, or choose another folder with --output."
            ) from error
        for stale in home.glob(f"{_STAGING}*"):
            shutil.rmtree(stale)
        folder = RunFolder(home=home, staging=home / f"{_STAGING}{uuid.uuid4().hex[:8]}")
        folder.log.parent.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder.staging, ignore_errors=True)
