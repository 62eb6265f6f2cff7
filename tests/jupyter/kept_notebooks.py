"""The notebooks of docs/notebooks: what is compared of them, and how they are written."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import nbformat

from tests.conftest import REPOSITORY
from tests.jupyter.notebooks import read

FOLDER = REPOSITORY / "docs" / "notebooks"
NAMES = ("explore", "run", "tune", "deploy", "monitor", "stream")
# What differs from one execution to the next: times and durations, ports, digests, and pictures of a topic by second.
_VARYING = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(?:Z|\+00:00)?|\b\d\d:\d\d:\d\d\.\d+|\s*\d+\.\d+ s\b"
    r"|role=\\\"img\\\".*?</div>\\n</div>|a second, at most \d+"
    r"|127\.0\.0\.1:\d+|\b[0-9a-f]{8,64}\b"
)


def source_digest(notebook: Any) -> str:
    """Return a digest of the sources of all cells."""
    sources = [[cell.id, cell.cell_type, cell.source] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()[:16]


def kinds(notebook: Any) -> dict[str, list[tuple[str, ...]]]:
    """Return the kinds of the outputs of each code cell, by its id."""
    return {
        cell.id: [(output.output_type, *sorted(output.get("data", {}))) for output in merge_streams(cell.outputs)]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def merge_streams(outputs: list[Any]) -> list[Any]:
    """Return outputs in which neighbours of one stream are one, as Jupyter shows them."""
    merged: list[Any] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(nbformat.from_dict(json.loads(json.dumps(output))))
    return merged


def write(path: Path, executed: Any, *, folder: Path) -> None:
    """Write an executed notebook; one whose outputs differ in times, ports and digests only keeps all of its old ones.

    Those of some cells and not of others would contradict each other, such as in a digest that two cells show.

    Args:
        path: The notebook.
        executed: The same, executed.
        folder: The working folder, which is taken out of the outputs.
    """
    before = {cell.id: cell.get("outputs", []) for cell in read(path).cells if cell.cell_type == "code"}
    found = {cell.id: _outputs(cell, folder) for cell in executed.cells if cell.cell_type == "code"}
    same = {name: _without_varying(one) for name, one in found.items()} == {
        name: _without_varying(one) for name, one in before.items()
    }
    for cell in executed.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict((before if same else found)[cell.id])
    executed.metadata = {
        "headrace": {"sources": source_digest(executed)},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(executed)
    path.write_text(nbformat.writes(executed) + "\n", encoding="utf-8")


def _outputs(cell: Any, folder: Path) -> list[Any]:
    """Return the outputs of an executed cell without its working folder."""
    text = json.dumps(merge_streams(cell.outputs))
    found: list[Any] = json.loads(text.replace(f"{folder}/", "").replace(str(folder), "."))
    return found


def _without_varying(outputs: Any) -> str:
    """Return outputs as a text without what varies; steps of a run may end in another order."""
    known = json.loads(json.dumps(outputs))
    for output in known:
        if output["output_type"] == "stream":
            output["text"] = sorted(_VARYING.sub("#", output["text"]).splitlines())
    return _VARYING.sub("#", json.dumps(known, sort_keys=True))
