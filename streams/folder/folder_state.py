"""What a folder of topics remembers: positions of groups, members, and transactions that are not written out yet.

All of it lies in ``.headrace`` beside the topics, and changes under one lock. A transaction is committed when its file
is in ``transactions``: it holds all segments and positions that it writes. Writing them out can be repeated, so
whoever comes first after a killed process finishes what it began.
"""

import contextlib
import fcntl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from headrace.core.base.errors import InputError, StoreError
from headrace.core.base.files import whole

STATE = ".headrace"


@dataclass(frozen=True)
class GroupView:
    """A group as one of its members sees it.

    Attributes:
        generation: Grows with each change of members or partitions.
        partitions: The partitions of the member.
        positions: Where the group reads on, by partition; partitions that it has never read are absent.
    """

    generation: int
    partitions: tuple[int, ...]
    positions: dict[int, int]


class FolderState:
    """The state of a folder of topics."""

    def __init__(self, root: Path) -> None:
        """Create the folders of the state.

        Args:
            root: The folder of the topics.

        Raises:
            StoreError: If the folder cannot be written.
        """
        self.root = root
        self._transactions = root / STATE / "transactions"
        try:
            self._transactions.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder of topics {root} must be writable: {error.strerror}.") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Let nobody else change the folder during the block; what a killed process left is written out first."""
        with (self.root / STATE / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            for path in sorted(self._transactions.glob("*.json")):
                self._write_out(path)
            yield

    def commit(self, group: str, topic: str, positions: Mapping[int, int], segments: Mapping[Path, bytes]) -> None:
        """Write segments and positions, all or none; under the lock.

        Args:
            group: Name of the group.
            topic: Name of the topic that the positions are of.
            positions: Positions by partition.
            segments: Contents of new segments by path.

        Raises:
            StoreError: If the disk is full or cannot be written; nothing is written then.
        """
        content = {
            "group": group,
            "topic": topic,
            "positions": [[partition, offset] for partition, offset in positions.items()],
            "segments": [[str(path.relative_to(self.root)), text.decode()] for path, text in segments.items()],
        }
        path = self._transactions / f"{uuid.uuid4().hex}.json"
        try:
            _write(path, orjson.dumps(content))
        except (OSError, InputError) as error:
            raise StoreError(f"a transaction must be written to {path.parent}; {error}.") from error
        self._write_out(path)

    def view(self, group: str, topic: str, *, member: str, partitions: int) -> GroupView:
        """Return the group as a member sees it, after members that ended were removed; under the lock.

        Args:
            group: Name of the group.
            topic: Name of the topic.
            member: Name of the member.
            partitions: Number of partitions of the topic.
        """
        folder = self._group(group)
        members = sorted(path.stem for path in (folder / "members").glob("*.lock") if _is_locked(path))
        state = _read(folder / "generation.json", {"generation": 0, "members": [], "partitions": 0})
        if (state["members"], state["partitions"]) != (members, partitions):
            state = {"generation": state["generation"] + 1, "members": members, "partitions": partitions}
            _write(folder / "generation.json", orjson.dumps(state))
        place = members.index(member) if member in members else -1
        own = tuple(range(place, partitions, len(members))) if place >= 0 else ()
        return GroupView(state["generation"], own, self.positions(group, topic))

    def positions(self, group: str, topic: str) -> dict[int, int]:
        """Return where a group reads on, by partition."""
        saved = _read(self._group(group) / f"{topic}.json", [])
        return {int(partition): int(offset) for partition, offset in saved}

    def join(self, group: str, member: str) -> IO[str]:
        """Become a member of a group for as long as the returned file is open.

        Raises:
            InputError: If a process under this name is a member.
        """
        path = self._group(group) / "members" / f"{member}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("w")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            stream.close()
            raise InputError(
                f"a worker named {member} must be alone in the group {group}; another one runs: end it, or give this "
                "one another name with --instance."
            ) from error
        return stream

    def _group(self, group: str) -> Path:
        return self.root / STATE / "groups" / group

    def _write_out(self, path: Path) -> None:
        """Write what a transaction holds, which may have been done before in part."""
        content = orjson.loads(path.read_bytes())
        for name, text in content["segments"]:
            _write(self.root / name, text.encode())
        group, topic = content["group"], content["topic"]
        positions = {**self.positions(group, topic), **dict(content["positions"])}
        _write(self._group(group) / f"{topic}.json", orjson.dumps(sorted(positions.items())))
        path.unlink()


def _is_locked(path: Path) -> bool:
    """Check whether the process that made a file still holds it; if not, delete the file."""
    with path.open("r") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    path.unlink(missing_ok=True)
    return False


def _read(path: Path, default: Any) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise InputError(f"{path} must be one that Headrace wrote; it is not JSON: delete it to read again.") from error


def _write(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)
