"""Which code made a model: version, commit, whether files differ from the commit, and a digest of the files."""

import functools
import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import headrace
from headrace import core
from headrace.core.base.files import sha256

_KINDS = frozenset({".py", ".yaml", ".html", ".css"})
_GIT_SECONDS = 20.0


@dataclass(frozen=True)
class CodeVersion:
    """The state of Headrace's own code.

    Attributes:
        version: Version of the package.
        sha256: SHA-256 over the lines that ``sha256sum`` prints for the package's files, sorted by path: equal for
            equal code, whether it is installed or checked out, changed or not.
        commit: The commit that the code was checked out from; empty for an installed package.
        changed: Files of the package that differ from that commit, or are not in it.
    """

    version: str
    sha256: str
    commit: str = ""
    changed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the state, with ``dirty``: whether anything differs from the commit; None where there is no commit."""
        return {**asdict(self), "changed": list(self.changed), "dirty": bool(self.changed) if self.commit else None}


@functools.cache
def code_version() -> CodeVersion:
    """Return the version of the running code, as it was at the first call."""
    files = _files([Path(place) for place in headrace.__path__])
    lines = "".join(f"{sha256(path)}  {name}\n" for name, path in files)
    folders = sorted({path.resolve().parent for _, path in files})
    commit = _commit(folders)
    return CodeVersion(
        version=metadata.version("headrace"),
        sha256=hashlib.sha256(lines.encode()).hexdigest(),
        commit=commit,
        changed=tuple(_list_changed(folders)) if commit else (),
    )


def _files(places: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the package's files by their path below it, sorted."""
    paths = {path.relative_to(place).as_posix(): path for place in places for path in place.rglob("*")}
    return sorted((name, path) for name, path in paths.items() if path.suffix in _KINDS and path.is_file())


def _commit(folders: Sequence[Path]) -> str:
    """Return the commit that is checked out, if a repository tracks this code; empty in a virtual environment."""
    here = Path(core.__file__).resolve()
    # The repository around a virtual environment does not track what is installed there.
    if not _git(here.parent, "ls-files", "--error-unmatch", "--", here.name):
        return ""
    return _git(folders[0], "rev-parse", "--verify", "HEAD").strip()


def _list_changed(folders: Sequence[Path]) -> list[str]:
    """Return the files of the package that differ from the commit."""
    status = _git(folders[0], "status", "--porcelain", "-z", "--no-renames", "-uall", "--", *map(str, folders))
    return sorted(line[3:] for line in status.split("\0") if line and Path(line[3:]).suffix in _KINDS)


def _git(folder: Path, *arguments: str) -> str:
    """Return what git prints; empty if it fails or is not installed."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        completed = subprocess.run(
            command,
            capture_output=True,
            check=True,
            timeout=_GIT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return completed.stdout.decode(errors="replace")
