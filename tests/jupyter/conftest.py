"""What the tests of notebooks share."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Line


@pytest.fixture
def folder(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which ``headrace run customers.csv --target churn`` has been run."""
    shutil.copy(line.table, tmp_path / "customers.csv")
    shutil.copytree(line.home, tmp_path / "headrace-out" / "customers", ignore=shutil.ignore_patterns("searches"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
