"""Each benchmark starts by itself."""

import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

_FOLDER = REPOSITORY / "benchmarks"
_SCRIPTS = sorted(path.name for path in _FOLDER.glob("*.py") if "parse_args(" in path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", _SCRIPTS)
def test_a_benchmark_explains_itself(name: str) -> None:
    """It imports what it needs of the repository, as `make bench` starts it: by its path, from the root."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, f"benchmarks/{name}", "--help"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
