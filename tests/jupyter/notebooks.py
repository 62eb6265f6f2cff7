"""Notebooks that tests execute: each by a kernel of its own, which is this environment's Python."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

_CELL_SECONDS = 240


def execute(notebook: Any, folder: Path, *, state: Path, **variables: str) -> Any:
    """Execute all cells of a notebook in place.

    Args:
        notebook: The notebook.
        folder: The working folder of its kernel.
        state: A folder for what Jupyter and IPython keep.
        **variables: Variables that the kernel gets beside this process's own.

    Raises:
        CellExecutionError: If a cell fails that does not have the tag ``raises-exception``.
    """
    own = {name: str(state / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        client = NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            startup_timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
        )
        return client.execute(env={**os.environ, **own, **variables})


def read(path: Path) -> Any:
    """Return a notebook; a valid one, or nbformat raises."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def texts(notebook: Any) -> list[str]:
    """Return the text of the outputs of each code cell."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return ["\n".join(_text(output) for output in cell.outputs) for cell in cells]


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return str(output.data.get("text/plain", ""))
