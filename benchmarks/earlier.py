"""An earlier commit of Headrace beside this one, with the same interpreter and the same libraries."""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of CPU time, of the user and of the system.
    """

    wall: float
    cpu: float

    def least(self, other: "Cost") -> "Cost":
        """Return the smaller of each."""
        return Cost(min(self.wall, other.wall), min(self.cpu, other.cpu))


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check out a commit, and give a folder that shadows the installed packages as an entry of PYTHONPATH.

    Args:
        commit: What git knows it by; empty for the files of this checkout.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        tree, links = Path(scratch) / "tree", Path(scratch) / "links"
        (links / "headrace").mkdir(parents=True)
        if commit:
            _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        source = tree if commit else REPOSITORY
        try:
            for package in source.iterdir():
                if (package / "__init__.py").exists() or package.name == "kustomize":
                    (links / "headrace" / package.name).symlink_to(package)
            yield links
        finally:
            if commit:
                _git("worktree", "remove", "--force", str(tree))


def program(links: Path, module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that calls ``main`` of a module as the installed program ``headrace`` would.

    Args:
        links: A folder of ``checked_out``.
        module: The module, such as ``headrace.cli.main``.
        arguments: The words after ``headrace``.
    """
    script = links.parent / f"{module}.py"
    if not script.exists():
        lines = ("import sys", f"sys.path.insert(0, {str(links)!r})", "sys.argv[0] = 'headrace'")
        script.write_text("\n".join((*lines, f"from {module} import main", "main()", "")))
    return [sys.executable, str(script), *arguments]


def measure(command: Sequence[str], *, environment: Mapping[str, str] | None = None, code: int | None = 0) -> Cost:
    """Run a command once, without its output.

    Args:
        command: The command.
        environment: Variables in addition to those of this process.
        code: The exit code that it must have; None for any.

    Raises:
        RuntimeError: If it ends with another one.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code is not None and ended.returncode != code:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr.decode()[-1000:]}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(REPOSITORY), *arguments], check=True, capture_output=True)
