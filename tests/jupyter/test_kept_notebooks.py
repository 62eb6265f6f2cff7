"""The notebooks of docs/notebooks as they are kept: with the outputs of their own sources, and nothing of a machine."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from tests.jupyter.kept_notebooks import FOLDER, NAMES, merge_streams, source_digest, write
from tests.jupyter.notebooks import read, texts

_MOST_BYTES = 200_000
_MACHINE = re.compile(r"/(?:tmp|home|root|work|usr|var|Users|builds)/|site-packages|\.venv")
_SECRET = re.compile(r"(?i)(?:secret|password|token|access_key)\S*[\"' ]*[:=]|AKIA[0-9A-Z]{16}|-----BEGIN")


def test_the_folder_holds_these_and_no_others() -> None:
    """Each is executed by a test."""
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_sources(name: str) -> None:
    """A cell that was edited and not executed again is found by the digest of the sources: make notebooks."""
    notebook = read(FOLDER / f"{name}.ipynb")
    assert notebook.metadata.headrace.sources == source_digest(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert "error" not in {output.output_type for cell in cells for output in cell.outputs}
    assert sum(bool(text) for text in texts(notebook)) >= len(cells) // 2


@pytest.mark.parametrize("name", NAMES)
def test_they_hold_nothing_of_a_machine(name: str) -> None:
    """No path, no secret, no script; and they stay small, so that changes of them can be read."""
    text = (FOLDER / f"{name}.ipynb").read_text()
    assert len(text.encode()) < _MOST_BYTES
    assert _MACHINE.findall(text) == []
    assert _SECRET.findall(text) == []
    shown = [output.get("data", {}).get("text/html", "") for cell in read(FOLDER / f"{name}.ipynb").cells
             for output in cell.get("outputs", [])]  # fmt: skip
    assert not re.search(r"<(script|link|iframe|img)|\bon\w+=|url\(|@import", "".join(map(str, shown)))


@pytest.mark.parametrize("name", NAMES)
def test_cells_have_stable_ids(name: str) -> None:
    """Else each execution would change every cell."""
    assert all(re.fullmatch(rf"{name}-\d\d", cell.id) for cell in read(FOLDER / f"{name}.ipynb").cells)


def test_what_differs_in_times_only_is_kept(tmp_path: Path) -> None:
    """A notebook that is written again changes where its results do."""
    path = tmp_path / "a.ipynb"
    cell = nbformat.v4.new_code_cell("x", id="a-01", outputs=[nbformat.v4.new_output("stream", text="✓ tune 1.2 s\n")])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    path.write_text(json.dumps(notebook))
    for text, expected in (("✓ tune  13.4 s\n", "✓ tune 1.2 s\n"), (f"in {tmp_path}/out 3.4 s\n", "in out 3.4 s\n")):
        executed = read(path)
        executed.cells[0].outputs = [nbformat.v4.new_output("stream", text=text)]
        write(path, executed, folder=tmp_path)
        assert read(path).cells[0].outputs[0].text == expected


def test_outputs_of_a_notebook_are_of_one_execution(tmp_path: Path) -> None:
    """If one cell says something new, the digests that the others show are new, too."""
    path = tmp_path / "a.ipynb"

    def made(*texts: str) -> nbformat.NotebookNode:
        cells = [
            nbformat.v4.new_code_cell(
                f"x{place}", id=f"a-{place:02d}", outputs=[nbformat.v4.new_output("stream", text=text)]
            )
            for place, text in enumerate(texts)
        ]
        return nbformat.v4.new_notebook(cells=cells)

    path.write_text(json.dumps(made("model 6a166636d6bb", "3 rows")))
    write(path, made("model b0e2d740422a", "4 rows"), folder=tmp_path)
    assert [cell.outputs[0].text for cell in read(path).cells] == ["model b0e2d740422a", "4 rows"]
    write(path, made("model 0123456789ab", "4 rows"), folder=tmp_path)
    assert [cell.outputs[0].text for cell in read(path).cells] == ["model b0e2d740422a", "4 rows"]


def test_lines_of_one_stream_are_one_output() -> None:
    """As a kernel sends them they are as many as the writes; between others they stay apart."""
    made = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in
            (("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d"))]  # fmt: skip
    assert [output.text for output in merge_streams(made)] == ["ab", "c", "d"]
