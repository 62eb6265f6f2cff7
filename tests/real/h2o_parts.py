"""H2O for tests: its package in a folder of its own, beside which the tests' environment has what it needs."""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headrace.core.mojo.mojo_description import H2O_VERSION
from tests.conftest import REPOSITORY
from tests.real_parts import alone, missing

_LOCK = Path(__file__).with_name("h2o.lock")
_SECONDS = 600


def h2o() -> Path:
    """The folder for PYTHONPATH that holds H2O, filled once; a test without it is skipped, and fails in CI.

    ``HEADRACE_TEST_PEERS`` may name a folder that keeps it between checkouts.
    """
    if not shutil.which("java"):
        missing("no Java: apt-get install openjdk-17-jdk-headless")
    place = Path(os.environ.get("HEADRACE_TEST_PEERS") or REPOSITORY / "build" / "peers")
    folder = place / f"h2o-{H2O_VERSION}"
    with alone("h2o"):
        if not folder.exists():
            place.mkdir(parents=True, exist_ok=True)
            _install(folder)
    return folder


def importable_h2o() -> Path:
    """The same, importable in this process too."""
    folder = h2o()
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    return folder


def _install(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="h2o-", dir=folder.parent) as scratch:
        given = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
        command = [sys.executable, "-m", "pip", "install", *given, "--target", f"{scratch}/h2o", "-r", str(_LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            missing(f"no H2O ({done.stderr.strip()[-300:]}): python -m pip install --no-deps h2o=={H2O_VERSION}")
        # Whole or not at all.
        (Path(scratch) / "h2o").rename(folder)
