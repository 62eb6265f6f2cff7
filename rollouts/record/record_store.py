"""Where the record of a rollout is kept, and where others say what they want of it."""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from headrace.core.base.errors import HeadraceError, InputError
from headrace.core.base.files import read_json, write_json, write_text
from headrace.rollouts.record import record
from headrace.rollouts.record.record import RolloutRecord

RolloutCommand = Literal["", "pause", "resume", "abort"]
FRESH_SECONDS = 120.0


class TakenOverError(InputError):
    """Another process goes on with the rollout."""


@dataclass(frozen=True)
class StoredRollout:
    """What is known of a rollout.

    Attributes:
        record: Its record.
        wish: What somebody wants of it.
        runner: Who goes on with it.
        watched: Whether that process was seen a short while ago.
        silent_seconds: Time since then, where it is known.
    """

    record: RolloutRecord
    wish: RolloutCommand = ""
    runner: str = ""
    watched: bool = False
    silent_seconds: float = 0.0


class RecordStore(Protocol):
    """Keeps one rollout of one endpoint.

    What every implementation promises: a record is whole or absent; who does not own it any more can not write it
    (``TakenOverError``); a wish is seen at the next look.
    """

    def load(self) -> StoredRollout | None:
        """What is kept; None if nothing is."""

    def own(self, first: RolloutRecord) -> None:
        """Begin, or go on as the only one: whoever owned the rollout before is refused from now on."""

    def save(self, changed: RolloutRecord) -> RolloutCommand:
        """Write the record, say that it is watched, and hear what is wished; a wish is heard once.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """

    def renew(self) -> None:
        """Say that it is watched; may be called from another thread.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """

    def wish(self, wanted: RolloutCommand) -> None:
        """Say what is wanted.

        Raises:
            InputError: If there is no rollout.
        """


@contextlib.contextmanager
def keep_watching(memory: RecordStore, *, every_seconds: float = FRESH_SECONDS / 4) -> Iterator[None]:
    """Say for the length of the block that a rollout is watched, however long one of its waits takes."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(every_seconds):
            with contextlib.suppress(HeadraceError):  # the next one may be heard
                memory.renew()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def taken_over(name: str) -> TakenOverError:
    """What is said to a process that another one took a rollout from."""
    return TakenOverError(f"another process goes on with the rollout of {name}; this one has ended.")


def new_runner() -> str:
    """Return a name for this process among those that go on with rollouts."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


def parse_command(text: str) -> RolloutCommand:
    """Return a wish as it was written; none if it is not understood."""
    return next((wish for wish in get_args(RolloutCommand) if wish == text), "")


class FileRecordStore:
    """A ``Memory`` in a folder: ``rollout.json`` for all, ``wish`` and ``runner.json`` for those at work."""

    def __init__(self, folder: Path) -> None:
        """Keep in ``folder``, which is made if it is not there."""
        self.folder = folder
        self._runner = new_runner()

    @property
    def path(self) -> Path:
        """The record's file."""
        return self.folder / "rollout.json"

    def load(self) -> StoredRollout | None:
        """See ``Memory.load``.

        Raises:
            DataError: If the file is no record.
        """
        try:
            found = record.loads(self.path.read_bytes(), str(self.path))
        except FileNotFoundError:
            return None
        runner = self._read_heartbeat()
        watched = found.running and time.time() - float(str(runner.get("renewed", 0.0))) < FRESH_SECONDS
        return StoredRollout(
            found, parse_command(self._read_command()), str(runner.get("runner", "")), watched and _alive(runner)
        )

    def own(self, first: RolloutRecord) -> None:
        """See ``Memory.own``."""
        self._wish_file.unlink(missing_ok=True)
        self._renew()
        write_text(self.path, first.to_json())

    def save(self, changed: RolloutRecord) -> RolloutCommand:
        """See ``Memory.save``.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """
        if self._read_heartbeat().get("runner") != self._runner:
            raise taken_over(changed.name)
        write_text(self.path, changed.to_json())
        self._renew()
        wish = parse_command(self._read_command())
        if wish:
            self._wish_file.unlink(missing_ok=True)
        return wish

    def renew(self) -> None:
        """See ``Memory.renew``.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """
        if self._read_heartbeat().get("runner") != self._runner:
            raise taken_over(str(self.folder))
        self._renew()

    def wish(self, wanted: RolloutCommand) -> None:
        """See ``Memory.wish``.

        Raises:
            InputError: If there is no rollout.
        """
        if not self.path.exists():
            raise InputError(f"there is no rollout in {self.folder}; start one, or name its folder with --output.")
        write_text(self._wish_file, wanted)

    @property
    def _wish_file(self) -> Path:
        return self.folder / "wish"

    def _read_command(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._wish_file.read_text(encoding="utf-8")
        return ""

    def _read_heartbeat(self) -> dict[str, object]:
        try:
            found = read_json(self.folder / "runner.json")
        except HeadraceError:
            return {}
        return dict(found)

    def _renew(self) -> None:
        write_json(self.folder / "runner.json", {"runner": self._runner, "renewed": time.time(), "pid": os.getpid()})


def _alive(runner: dict[str, object]) -> bool:
    """Return whether the process of this machine that wrote it still runs."""
    try:
        os.kill(int(str(runner.get("pid", 0))), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
