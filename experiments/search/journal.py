"""Stores finished trials in a file while a search runs, so that a killed search can be resumed.

A search is a function of its seed: a resumed one asks the algorithm again, and takes the results of finished trials
from the file. Each trial adds one line of JSON when it ends, which survives the process; an incomplete last line is
ignored. The disk is synced at most once a second, because short trials would wait for it; a power failure may lose the
trials since the last sync.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.evaluation.search_trials import Trial

FORMAT = 1
_SYNC_SECONDS = 1.0


class TrialJournal:
    """The finished trials of one search.

    Attributes:
        spent: Seconds that earlier runs of the search took.
    """

    def __init__(self, path: Path | None = None, *, search: Mapping[str, Any] | None = None) -> None:
        """Open a journal, or create one.

        Args:
            path: The file; None to store nothing.
            search: Identity of the search: plain values that are equal if its trials are.

        Raises:
            InputError: If the file is from another search, is not a journal, or cannot be written.
        """
        self.spent = 0.0
        self._path = path
        self._lock = threading.Lock()
        self._synced = time.monotonic()
        self._finished: dict[int, Trial] = {}
        if path is not None:
            self._open(path, {"format": FORMAT, "search": dict(search or {})})

    @property
    def path(self) -> Path | None:
        """The file; None if nothing is stored."""
        return self._path

    @property
    def resumed(self) -> bool:
        """Whether an earlier run of the search has finished trials."""
        return bool(self._finished)

    def find_trial(self, number: int) -> Trial | None:
        """Return the trial of that number, if an earlier run finished it."""
        return self._finished.get(number)

    def add(self, trial: Trial, *, elapsed: float) -> None:
        """Store a trial that has just ended.

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
        """Delete the file: the search is complete, and its result has more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _open(self, path: Path, head: Mapping[str, Any]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_bytes().split(b"\n") if path.exists() else []
            complete = lines[:-1]  # bytes after the last line end are an incomplete line
            if complete:
                self._read(complete, head, path)
            with path.open("r+b" if path.exists() else "w+b") as stream:
                stream.truncate(sum(len(line) + 1 for line in complete))
                if not complete:
                    stream.write(json.dumps(head, sort_keys=True).encode() + b"\n")
        except OSError as error:
            raise InputError(f"cannot keep trials in {path}: {error.strerror}; name another file.") from error

    def _read(self, lines: list[bytes], head: Mapping[str, Any], path: Path) -> None:
        first, *entries = (_document(line, path) for line in lines)
        if first.get("format") != FORMAT or "search" not in first:
            raise InputError(f"{path} must be a file of trials that Headrace began; got {quote(first)}; name another.")
        if json.loads(json.dumps(head)) != first:
            recorded, expected = first["search"], json.loads(json.dumps(head))["search"]
            differing = sorted(key for key in {*recorded, *expected} if recorded.get(key) != expected.get(key))
            raise InputError(
                f"{path} holds trials of another search, whose {', '.join(differing)} differ; name another file, or "
                "delete it to start again."
            )
        for entry in entries:
            try:
                trial = Trial.from_json(entry["trial"])
                self.spent = float(entry["elapsed"])
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path} has a line that is not a trial; delete it to start again.") from error
            self._finished[trial.number] = trial


def _document(line: bytes, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path} must be a file of trials that Headrace began; it is not: name another.") from error
    return document if isinstance(document, dict) else {}
