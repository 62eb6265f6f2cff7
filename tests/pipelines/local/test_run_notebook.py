"""The notebook of a run: valid, without outputs, and fit for what the run left."""

import ast
from pathlib import Path
from types import SimpleNamespace

import nbformat
import polars as pl
import pytest

from headrace.core.contracts.contract import Column
from headrace.pipelines.local.run_folder import run_folder
from headrace.pipelines.local.run_notebook import leave_notebook, summary_digest
from headrace.pipelines.local.summary import Finding, Metric, ModelSummary, Summary

_METRICS = {"accuracy": Metric(value=0.9, low=0.8, high=0.95)}


def _notebook(tmp_path: Path, *, bundle: bool = True, report: bool = True, **given: object) -> tuple[object, Path]:
    summary = Summary(**{"status": "succeeded", "seconds": 1, "steps": [], **given})  # type: ignore[arg-type]
    with run_folder(tmp_path / "out") as folder:
        if report:
            (folder.staging / "report.html").write_text("page")
        if bundle:
            (folder.staging / "bundle").mkdir()
        (folder.staging / "summary.json").write_text(summary.to_json())
        leave_notebook(folder, summary)
        folder.keep() if summary.status == "succeeded" else folder.set_aside()
    home = tmp_path / "out" if summary.status == "succeeded" else tmp_path / "out" / "failed"
    path = home / "notebook.ipynb"
    return (nbformat.read(path, as_version=4) if path.exists() else None), home


def _code(notebook: object) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")  # type: ignore[attr-defined]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_it_is_valid_and_small(task: str, tmp_path: Path) -> None:
    """By nbformat's schema, with ids and without outputs; each cell is Python."""
    notebook, home = _notebook(tmp_path, task=task, verdict="promote", metrics=_METRICS)
    nbformat.validate(notebook)
    assert (home / "notebook.ipynb").stat().st_size < 10_000
    for cell in notebook.cells:  # type: ignore[attr-defined]
        if cell.cell_type == "code":
            assert cell.outputs == []
            ast.parse(cell.source)
    code = _code(notebook)
    assert f"hr.find_run({summary_digest((home / 'summary.json').read_bytes())!r}, folder={str(home)!r})" in code
    for asked in ("run.metrics", "run.test_rows", "by =", "hr.score(", "hr.serve(", ".explain("):
        assert asked in code
    assert ("abs()" in code) == (task == "regression")


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_columns_of_the_table_stay_what_they_are(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those named as what the cells add; rows without a prediction are not among those that are judged."""
    actual: list[object] = ["no", "yes", "yes"] if task == "binary" else [1.0, 2.0, 3.0]
    answers = {"label": ["no", "no", None]} if task == "binary" else {"value": [1.0, 4.5, None]}
    rows = pl.DataFrame({"y": actual, "error": [7, 8, 9], "predicted y": ["a", "b", "c"], "x": [1.0, 2.0, 3.0]})
    contract = SimpleNamespace(target=Column("y", "string", role="target"), inputs=(Column("x", "number"),))
    run = SimpleNamespace(test_rows=rows, bundle=SimpleNamespace(contract=contract))
    notebook, _ = _notebook(tmp_path, task=task, verdict="promote", metrics=_METRICS)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]  # type: ignore[attr-defined]
    errors, slices = (next(one for one in cells if text in one) for text in ("tested = ", "by ="))
    names = {"run": run, "pl": pl, "hr": SimpleNamespace(score=lambda *_: SimpleNamespace(frame=pl.DataFrame(answers)))}
    errors, _, last = errors.rpartition("\nwrong.select" if task == "binary" else "\ntested.select")
    exec(errors, names)  # noqa: S102 - the cells that a reader runs
    worst = eval(f"({'wrong' if task == 'binary' else 'tested'}.select{last})", names)  # noqa: S307 - as above
    assert worst["error"].to_list()[:1] == [8]
    assert worst["predicted y"].to_list()[:1] == ["b"]
    assert worst["predicted y_"].to_list()[:1] == ["no" if task == "binary" else 4.5]
    if task == "binary":
        said = capsys.readouterr().out
        assert said.startswith("1 of 2 rows of the test part are predicted wrongly; 1 more break the contract")
    else:
        assert worst["error_"].to_list() == [2.5, 0.0, None]
    exec(slices, names)  # noqa: S102 - as above


def test_without_a_bundle_it_asks_for_none(tmp_path: Path) -> None:
    """Such as that of a run which failed in the search; it lies beside the report of the failed run."""
    finding = Finding(severity="warning", column="a", rule="x", count=1, sentence="It is odd.")
    notebook, home = _notebook(tmp_path, bundle=False, status="failed", error="tune: no", findings=[finding])
    code = _code(notebook)
    assert str(home) in code
    assert home.name == "failed"
    assert "run.findings" in code
    assert "hr.serve" not in code
    assert "metrics" not in code


def test_without_a_report_there_is_none(tmp_path: Path) -> None:
    """A run that failed before its data were validated has nothing to question."""
    notebook, _ = _notebook(tmp_path, report=False, bundle=False, status="failed", error="ingest: no")
    assert notebook is None


def test_names_and_sentences_are_no_markdown(tmp_path: Path) -> None:
    """What stands in a model's name or a reason stays text."""
    model = ModelSummary(name="a`b<c>", family="x", uri="", digest="")
    notebook, _ = _notebook(tmp_path, verdict="hold", reasons=["<img src=x> [a](javascript:b) *c*"], model=model)
    first = notebook.cells[0].source  # type: ignore[attr-defined]
    assert "\\<img src=x\\> \\[a\\](javascript:b) \\*c\\*" in first
    assert "# The run a\\`b\\<c\\>" in first


def test_it_is_replaced_with_the_run(tmp_path: Path) -> None:
    """The next run's notebook takes its place."""
    _notebook(tmp_path, verdict="hold")
    notebook, _ = _notebook(tmp_path, verdict="promote")
    assert "promote" in notebook.cells[0].source  # type: ignore[attr-defined]
