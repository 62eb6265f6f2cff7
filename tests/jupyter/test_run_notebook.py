"""The notebook that a run leaves, executed by a real kernel after its folder was moved."""

import shutil
from pathlib import Path

import pytest

from tests.jupyter.notebooks import execute, texts

pytestmark = [pytest.mark.jupyter, pytest.mark.filterwarnings("ignore")]  # of Jupyter's own


def test_it_questions_the_run_wherever_it_is(folder: Path, tmp_path: Path) -> None:
    """Moved, and executed in another working folder by a server that names the notebook, as Jupyter's does."""
    moved, elsewhere = tmp_path / "moved", tmp_path / "elsewhere"
    shutil.move(folder / "headrace-out" / "customers", moved)
    elsewhere.mkdir()
    path = moved / "notebook.ipynb"
    opened, metrics, findings, wrong, slices, scored, served, explained = texts(
        execute(path, elsewhere, state=tmp_path / "state", JPY_SESSION_NAME=str(path))
    )
    assert opened.startswith("<Run customers: ")
    assert opened.endswith(f"in {moved}>")
    assert "roc_auc" in metrics
    assert "positive class" in findings
    assert "rows of the test part are predicted wrongly" in wrong
    assert "share right" in slices
    assert scored == "<Predictions of customers: 5 of 5 rows scored>"
    assert "<ModelEndpoint customers: http://127.0.0.1:" in served
    assert "'label': " in served
    assert "'contributions'" in explained or "no exact" in explained
