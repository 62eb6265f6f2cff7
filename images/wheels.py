"""The folder that the image is built from: the locked wheels and the project's own, each with its hash.

::

    FOLDER/
      wheels/  *.whl  wheels.lock          what the lock pins; what is published as source only is built from that
      own/     headrace-*.whl  own.lock

Wheels are chosen for the image's platform, not for this machine's. Both folders are whole or absent.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import parse_wheel_filename

from headrace.core.base.errors import InputError, InternalError
from headrace.core.base.files import sha256, write_text

REPOSITORY = Path(__file__).parents[1]
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC_MINOR = 36  # of Debian bookworm: its glibc 2.36 runs what was built for any older one
_LOCKED_EPOCH = "315532800"  # 1980, the first moment that a wheel can tell: the packages' layer knows no other


def locked_wheels(lock: Path, folder: Path, *, architecture: str) -> Path:
    """Download what ``lock`` pins, unless ``folder`` holds it already.

    Args:
        lock: Requirements with hashes; pip refuses a file that has another.
        folder: Where ``wheels`` is made.
        architecture: ``amd64`` or ``arm64``, as Docker calls it.

    Returns:
        The folder of wheels.

    Raises:
        InputError: If no wheels are known for the architecture.
        InternalError: If pip fails, or a package would have to be compiled.
    """
    if architecture not in MACHINES:
        raise InputError(
            f"the image's architecture must be one of {', '.join(MACHINES)}; got {architecture!r} instead."
        )
    wheels = folder / "wheels"
    made_of = f"# {architecture} {sha256(lock)}"
    if _first_line(wheels / "wheels.lock") == made_of:
        return wheels
    with _beside(wheels) as part:
        python = ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none"]
        python += [f"--platform={name}" for name in platforms(MACHINES[architecture])]
        _pip("download", "--require-hashes", *python, "-r", str(lock), "-d", str(part), epoch=_LOCKED_EPOCH)
        for source in [path for path in part.iterdir() if path.suffix != ".whl"]:
            _built(source, architecture)
            source.unlink()
        write_text(part / "wheels.lock", f"{made_of}\n{read_pins(part)}")
    return wheels


def own_wheel(folder: Path, *, epoch: str) -> Path:
    """Build the project's wheel, from a copy that holds nothing of earlier builds.

    Args:
        folder: Where ``own`` is made.
        epoch: Seconds since 1970 that every file in the wheel carries.

    Returns:
        The folder with the wheel.

    Raises:
        InternalError: If pip fails.
    """
    own = folder / "own"
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, _beside(own) as part:
        source = Path(scratch)
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
        for name in project["tool"]["setuptools"]["package-dir"].values():
            skipped = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / name, source / name, copy_function=shutil.copyfile, ignore=skipped)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(REPOSITORY / name, source / name)
        _pip("wheel", "--no-index", str(source), "-w", str(part), epoch=epoch)
        write_text(part / "own.lock", read_pins(part))
    return own


def platforms(machine: str) -> list[str]:
    """Tags of the wheels that the base image runs, the newest first (PEP 600 and the three names before it)."""
    modern = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC_MINOR, 4, -1)]
    return [*modern, *(f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")), "any"]


def read_pins(folder: Path) -> str:
    """Requirements that name each wheel of ``folder`` by version and hash, in the order of their names."""
    lines = []
    for wheel in folder.glob("*.whl"):
        name, version, _, _ = parse_wheel_filename(wheel.name)
        lines.append(f"{name}=={version} --hash=sha256:{sha256(wheel)}\n")
    return "".join(sorted(lines))


def _built(source: Path, architecture: str) -> None:
    """Build a wheel beside ``source``; a compiled one is refused, for it is this machine's and not the image's."""
    there = set(source.parent.glob("*.whl"))
    _pip("wheel", "--no-index", str(source), "-w", str(source.parent), epoch=_LOCKED_EPOCH)
    (wheel,) = set(source.parent.glob("*.whl")) - there
    if not wheel.name.endswith("-any.whl"):
        raise InternalError(
            f"every package of the lock must have a wheel for {architecture}, or be pure Python; {source.name} is "
            f"published as source that had to be compiled here, to {wheel.name}."
        )


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0] if path.exists() else ""


def _pip(*arguments: str, epoch: str) -> None:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", *arguments[1:]]
    ended = subprocess.run(command, env={**os.environ, "SOURCE_DATE_EPOCH": epoch}, umask=0o022, check=False)
    if ended.returncode:
        raise InternalError(f"pip {arguments[0]} ended with code {ended.returncode}; the lines above tell why.")


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Give a new folder that takes the place of ``folder`` when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    part.chmod(0o755)
    try:
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
