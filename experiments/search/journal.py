"""Finished trials, kept in a file while a search runs, so that one that was killed goes on where it was.

A search repeats itself from its seed: the algorithm is asked again, and answers from the file stand in for trials that
were run before. One line of JSON for each trial is written when it ends, and outlives the process; a line that was cut
short is left out. The disk is synced at most once a second, for short trials would wait for it; a loss of power may
cost those that ended since.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.experiments.search.result import Trial

FORMAT = 1
_SYNC_SECONDS = 1.0


class TrialJournal:
    """The trials of one search.

    Attributes:
        spent: Seconds that earlier runs of the search have taken.
    """

    def __init__(self, path: Path | None = None, *, search: Mapping[str, Any] | None = None) -> None:
        """Open a file of trials, or begin one.

        Args:
            path: The file; None to keep nothing.
            search: What the search is: plain values that are equal if its trials are.

        Raises:
            InputError: If the file holds trials of another search, or is none of ours, or cannot be written.
        """
        self.spent = 0.0
        self._path = path
        self._lock = threading.Lock()
        self._synced = time.monotonic()
        self._known: dict[int, Trial] = {}
        if path is not None:
            self._open(path, {"format": FORMAT, "search": dict(search or {})})

    def find_trial(self, number: int) -> Trial | None:
        """The trial of that number, if an earlier run has finished it."""
        return self._known.get(number)

    def add(self, trial: Trial, *, elapsed: float) -> None:
        """Keep a trial that has just ended.

        Args:
            trial: The trial.
            elapsed: Seconds since the search began, earlier runs included.
        """
        if self._path is None:
            return
        line = json.dumps({"elapsed": elapsed, "trial": trial.as_json()}, allow_nan=False) + "\n"
        with self._lock, self._path.open("ab") as stream:
            stream.write(line.encode())
            stream.flush()
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                os.fsync(stream.fileno())
                self._synced = time.monotonic()

    def close(self) -> None:
        """Take the file away: the search is whole, and its result tells more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _open(self, path: Path, head: Mapping[str, Any]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_bytes().split(b"\n") if path.exists() else []
            whole = lines[:-1]  # what stands behind the last line end was cut short
            if whole:
                self._read(whole, head, path)
            with path.open("r+b" if path.exists() else "w+b") as stream:
                stream.truncate(sum(len(line) + 1 for line in whole))
                if not whole:
                    stream.write(json.dumps(head, sort_keys=True).encode() + b"\n")
        except OSError as error:
            raise InputError(f"cannot keep trials in {path}: {error.strerror}; name another file.") from error

    def _read(self, lines: list[bytes], head: Mapping[str, Any], path: Path) -> None:
        first, *rest = (_document(line, path) for line in lines)
        if first.get("format") != FORMAT or "search" not in first:
            raise InputError(f"{path} must be a file of trials that Headrace began; got {quote(first)}; name another.")
        if json.loads(json.dumps(head)) != first:
            found, wanted = first["search"], json.loads(json.dumps(head))["search"]
            other = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
            raise InputError(
                f"{path} holds trials of another search, whose {', '.join(other)} differ; name another file, or delete "
                "it to begin anew."
            )
        for entry in rest:
            try:
                trial = Trial.from_json(entry["trial"])
                self.spent = float(entry["elapsed"])
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path} holds a line that is no trial; delete it to begin anew.") from error
            self._known[trial.number] = trial


def _document(line: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path} must be a file of trials that Headrace began; it is not: name another.") from error
    return found if isinstance(found, dict) else {}
