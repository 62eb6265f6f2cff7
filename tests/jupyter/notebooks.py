"""Notebooks that tests execute: each by a kernel of its own, which is this environment's Python.

As a program, ``python -m tests.jupyter.notebooks NOTEBOOK FOLDER STATE OUTPUT`` executes one: what Jupyter's client
leaves open at its end, sockets and event loops, stays out of the tests' process.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

_CELL_SECONDS = 240
_REPOSITORY = Path(__file__).parents[2]


def execute(path: Path, folder: Path, *, state: Path, **variables: str) -> Any:
    """Execute all cells of a notebook, and return it with its outputs; the file stays as it is.

    Args:
        path: The notebook.
        folder: The working folder of its kernel.
        state: A folder for what Jupyter and IPython keep.
        **variables: Variables that the kernel gets beside this process's own.

    Raises:
        AssertionError: If a cell fails that does not have the tag ``raises-exception``.
    """
    state.mkdir(exist_ok=True)
    own = {name: str(state / name.lower()) for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    output = state / f"{path.parent.name}-{path.name}"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.jupyter.notebooks", str(path), str(folder), str(output)],
        cwd=_REPOSITORY, env={**os.environ, **own, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    return read(output)


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


def _main(path: str, folder: str, output: str) -> None:
    from nbclient import NotebookClient

    client = NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=_CELL_SECONDS,
        startup_timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
        record_timing=False,
    )
    nbformat.write(client.execute(), output)


if __name__ == "__main__":
    _main(*sys.argv[1:])
