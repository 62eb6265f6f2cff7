"""The store of a rollout's record and of the commands that users send to the rollout."""

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
    """Another process took the rollout over."""


@dataclass(frozen=True)
class StoredRollout:
    """A stored rollout.

    Attributes:
        record: Its record.
        command: The pending command.
        runner: Name of the process that runs it.
        watched: Whether that process sent a heartbeat recently.
        silent_seconds: Time since its last heartbeat, if known.
    """

    record: RolloutRecord
    command: RolloutCommand = ""
    runner: str = ""
    watched: bool = False
    silent_seconds: float = 0.0


class RecordStore(Protocol):
    """Stores one rollout of one endpoint.

    Every implementation guarantees: a record is complete or absent; a process that no longer owns it cannot write it
    (``TakenOverError``); a command is read at the next poll.
    """

    def load(self) -> StoredRollout | None:
        """Return the stored rollout; None if there is none."""

    def own(self, first: RolloutRecord) -> None:
        """Write the record and become its only owner: the former owner can no longer write it."""

    def save(self, changed: RolloutRecord) -> RolloutCommand:
        """Write the record, renew the heartbeat, and return the pending command, which is returned once.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """

    def renew(self) -> None:
        """Renew the heartbeat; may be called from another thread.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """

    def send_command(self, command: RolloutCommand) -> None:
        """Send a command to the process that runs the rollout.

        Raises:
            InputError: If there is no record of a rollout.
        """


@contextlib.contextmanager
def keep_renewing(store: RecordStore, *, every_seconds: float = FRESH_SECONDS / 4) -> Iterator[None]:
    """Renew the heartbeat of a rollout for the duration of the block, however long one of its waits takes."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(every_seconds):
            with contextlib.suppress(HeadraceError):  # the next renewal may succeed
                store.renew()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def taken_over(name: str) -> TakenOverError:
    """Return the error for a process whose rollout another one took over."""
    return TakenOverError(f"another process took over the rollout of {name}; this one has ended.")


def new_runner() -> str:
    """Return a unique name for this process as the owner of a rollout."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


def parse_command(text: str) -> RolloutCommand:
    """Return a command from its text; the empty command if the text is unknown."""
    return next((command for command in get_args(RolloutCommand) if command == text), "")


class FileRecordStore:
    """A ``RecordStore`` in a folder: ``rollout.json``, ``command``, and ``runner.json`` for the heartbeat."""

    def __init__(self, folder: Path) -> None:
        """Initialize with a folder."""
        self.folder = folder
        self._runner = new_runner()

    @property
    def path(self) -> Path:
        """The record's file."""
        return self.folder / "rollout.json"

    def load(self) -> StoredRollout | None:
        """See ``RecordStore.load``.

        Raises:
            DataError: If the file is not a valid record.
        """
        try:
            rollout = record.loads(self.path.read_bytes(), str(self.path))
        except FileNotFoundError:
            return None
        runner = self._read_heartbeat()
        watched = rollout.running and time.time() - float(str(runner.get("renewed", 0.0))) < FRESH_SECONDS
        return StoredRollout(
            rollout, parse_command(self._read_command()), str(runner.get("runner", "")), watched and _alive(runner)
        )

    def own(self, first: RolloutRecord) -> None:
        """See ``RecordStore.own``."""
        self._command_file.unlink(missing_ok=True)
        self._renew()
        write_text(self.path, first.to_json())

    def save(self, changed: RolloutRecord) -> RolloutCommand:
        """See ``RecordStore.save``.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """
        if self._read_heartbeat().get("runner") != self._runner:
            raise taken_over(changed.name)
        write_text(self.path, changed.to_json())
        self._renew()
        command = parse_command(self._read_command())
        if command:
            self._command_file.unlink(missing_ok=True)
        return command

    def renew(self) -> None:
        """See ``RecordStore.renew``.

        Raises:
            TakenOverError: If another process owns the rollout now.
        """
        if self._read_heartbeat().get("runner") != self._runner:
            raise taken_over(str(self.folder))
        self._renew()

    def send_command(self, command: RolloutCommand) -> None:
        """See ``RecordStore.send_command``.

        Raises:
            InputError: If there is no rollout.
        """
        if not self.path.exists():
            raise InputError(f"there is no rollout in {self.folder}; start one, or name its folder with --output.")
        write_text(self._command_file, command)

    @property
    def _command_file(self) -> Path:
        return self.folder / "command"

    def _read_command(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._command_file.read_text(encoding="utf-8")
        return ""

    def _read_heartbeat(self) -> dict[str, object]:
        try:
            heartbeat = read_json(self.folder / "runner.json")
        except HeadraceError:
            return {}
        return dict(heartbeat)

    def _renew(self) -> None:
        write_json(self.folder / "runner.json", {"runner": self._runner, "renewed": time.time(), "pid": os.getpid()})


def _alive(runner: dict[str, object]) -> bool:
    """Return whether the process of a heartbeat still runs on this machine."""
    try:
        os.kill(int(str(runner.get("pid", 0))), 0)  # signal 0 only tests for the process
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True  # it runs, under another user
    return True
