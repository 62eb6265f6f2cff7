"""A real JupyterLab: its server runs the notebook that a run has left, with the suite's kernel."""

import json
import shutil
from pathlib import Path

import pytest

from tests.real.jupyter_server import jupyter_server

pytestmark = pytest.mark.jupyter


def test_it_runs_the_notebook_of_a_run_that_was_moved(folder: Path, tmp_path: Path) -> None:
    """Opened in JupyterLab, its cells find the run beside it, and show it as HTML."""
    moved, state = tmp_path / "work" / "moved", tmp_path / "state"
    moved.parent.mkdir()
    shutil.move(folder / "headrace-out" / "customers", moved)
    cells = json.loads((moved / "notebook.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    with jupyter_server(moved.parent, state=state) as server:
        assert server.ask("GET", "/lab/tree/moved/notebook.ipynb")[0] == 200
        status, document = server.ask("GET", "/api/contents/moved/notebook.ipynb")
        assert (status, document["type"]) == (200, "notebook")
        with server.open_notebook("moved/notebook.ipynb") as notebook:
            (run,) = notebook.execute(sources[0])
            assert "test part" in run["data"]["text/html"]
            assert run["data"]["text/plain"].endswith(f"in {moved}>")
            notebook.execute("import os\nos.chdir('/')")
            (again,) = notebook.execute(sources[0])
            assert again["data"]["text/plain"].endswith(f"in {moved}>")
            (metrics,) = notebook.execute(sources[1])
            assert "roc_auc" in metrics["data"]["text/html"]


def test_it_runs_commands_of_a_cell(folder: Path, tmp_path: Path) -> None:
    """``%%headrace`` in a kernel: output comes as it is written, and results are variables."""
    with jupyter_server(folder, state=tmp_path / "state") as server:
        (folder / "mine.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
        with server.open_notebook("mine.ipynb") as notebook:
            notebook.execute("%load_ext headrace.jupyter")
            command = "scored << score headrace-out/customers customers.csv"
            shown = notebook.execute(f"%%headrace\n{command}\n")
            assert "400 of 400 rows scored" in "".join(one.get("text", "") for one in shown)
            (view,) = notebook.execute("scored")
            assert "probability_yes" in view["data"]["text/html"]
