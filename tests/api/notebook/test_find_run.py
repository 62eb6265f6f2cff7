"""The run that a notebook belongs to, wherever both are now."""

import shutil
import sys
from pathlib import Path

import pytest

import headrace.api as hr
from headrace.pipelines.local.run_notebook import summary_digest


@pytest.fixture
def home(folder: Path) -> Path:
    """The folder of a run."""
    return folder / "headrace-out" / "customers"


def _digest(home: Path) -> str:
    return summary_digest((home / "summary.json").read_bytes())


def test_it_is_found_where_it_was_written(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another working folder."""
    monkeypatch.chdir(tmp_path)
    assert hr.find_run(_digest(home), folder=home) == home


def test_it_is_found_beside_the_notebook_after_a_move(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the working folder, which is the notebook's, by Jupyter's variable, or by that of Visual Studio Code."""
    digest, moved = _digest(home), tmp_path / "moved"
    shutil.move(home, moved)
    monkeypatch.chdir(moved)
    assert hr.find_run(digest, folder=home) == moved
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hr.MissingError, match=r"the run of this notebook must be beside it or in .*hr\.open_run"):
        hr.find_run(digest, folder=home)
    monkeypatch.setenv("JPY_SESSION_NAME", str(moved / "notebook.ipynb"))
    assert hr.find_run(digest, folder=home) == moved
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")  # some programs give the name alone
    monkeypatch.setattr(sys.modules["__main__"], "__vsc_ipynb_file__", str(moved / "notebook.ipynb"), raising=False)
    assert hr.find_run(digest, folder=home) == moved


def test_another_run_is_not_taken_for_it(home: Path) -> None:
    """The folder was used again: what the notebook would show is not its run."""
    digest = _digest(home)
    summary = home / "summary.json"
    summary.write_text(summary.read_text() + "\n")
    with pytest.raises(hr.MissingError, match="it is in none of"):
        hr.find_run(digest, folder=home)
    with pytest.raises(hr.MissingError):
        hr.find_run("", folder=home)
