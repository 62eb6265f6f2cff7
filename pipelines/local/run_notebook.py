"""The notebook that a run leaves beside its report: it opens the run again, and questions it.

It is plain JSON of nbformat 4.5, without outputs. The run is found by the digest of its summary, so that the notebook
works when the folder was moved, and never shows another run that took its place.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace.core.base.files import write_text
from headrace.pipelines.local.run_folder import RunFolder
from headrace.pipelines.local.summary import Summary

NOTEBOOK = "notebook.ipynb"
_DIGITS = 16
_INTRODUCTION = """\
# The run {name}

{outcome}

This notebook opens the run in this folder and questions it: run its cells one by one. It needs Headrace, and a kernel
that has it. If the folder is moved, the notebook still finds the run beside it."""
_OPEN = """\
import headrace.api as hr
import polars as pl

run = hr.open_run(hr.find_run({digest!r}, folder={folder!r}))
run"""
_METRICS = """\
pl.DataFrame(
    [
        {"metric": name, "value": one.value, "low": one.low, "high": one.high, "baseline": run.baseline.get(name)}
        for name, one in run.metrics.items()
    ],
    infer_schema_length=None,
)"""
_FINDINGS = """\
for finding in run.findings:
    print(f"{finding.severity}: {finding.sentence} {finding.remedy}")"""
_TESTED = """\
contract = run.bundle.contract
target = contract.target.name
rows = run.test_rows
scored = hr.score(run, rows.drop(target)).frame


def free_name(name):  # the table may have a column of this name
    while name in rows.columns:
        name += "_"
    return name


predicted = free_name(f"predicted {target}")
tested = rows.with_columns(scored["LABEL"].cast(TYPE).alias(predicted))
"""
_WRONG = {
    "classes": _TESTED.replace("LABEL", "label").replace("TYPE", "pl.String")
    + """\
right = pl.col(predicted) == pl.col(target).cast(pl.String)
answered = tested.filter(pl.col(predicted).is_not_null())
wrong = answered.filter(~right)
refused = tested.height - answered.height
print(
    f"{wrong.height} of {answered.height} rows of the test part are predicted wrongly"
    + (f"; {refused} more break the contract and have no prediction" if refused else "")
)
wrong.select(target, predicted, pl.all().exclude(target, predicted)).head(20)""",
    "regression": _TESTED.replace("LABEL", "value").replace("TYPE", "pl.Float64")
    + """\
difference = pl.col(predicted) - pl.col(target)
error = difference.alias(free_name("error"))
tested.select(error, target, predicted, pl.all().exclude(target, predicted)).sort(
    difference.abs(), descending=True, nulls_last=True
).head(20)""",
    "anomaly": """\
contract = run.bundle.contract
rows = run.test_rows
scored = hr.score(run, rows).frame


def free_name(name):  # the table may have a column of this name
    while name in rows.columns:
        name += "_"
    return name


score, alert = free_name("score"), free_name("alert")
tested = rows.with_columns(scored["score"].alias(score), scored["alert"].alias(alert))
print(f"{tested[alert].sum()} of {tested.height} rows of the test part are alerts")
tested.select(score, alert, pl.all().exclude(score, alert)).sort(score, descending=True, nulls_last=True).head(20)""",
}
_HEADINGS = {
    "classes": "## Errors\n\nThe rows of the test part that the model predicts worst.",
    "regression": "## Errors\n\nThe rows of the test part that the model predicts worst.",
    "anomaly": "## Alerts\n\nThe rows of the test part with the highest scores.",
}
_SLICES = """\
by = next((column.name for column in contract.inputs if column.categories), contract.inputs[0].name)
quarter = (4 * pl.col(by).rank("ordinal") / pl.len()).ceil().alias("quarter")
groups = pl.col(by).alias("group") if tested[by].n_unique() <= 12 else quarter
tested.group_by(groups).agg(
    pl.len().alias("rows"), pl.col(by).min().alias("from"), pl.col(by).max().alias("to"), MEASURE
).sort("from")"""
_MEASURES = {
    "classes": 'right.mean().alias("share right")',
    "regression": 'difference.abs().mean().alias("mean error")',
    "anomaly": 'pl.col(alert).mean().alias("share of alerts")',
}
_SCORE = """\
new_rows = rows.drop(target).head(5)  # or "new.csv", any table with the inputs of the contract
hr.score(run, new_rows)"""
_SERVE = """\
with hr.serve(run) as endpoint:
    display(endpoint)
    answers = endpoint.predict([endpoint.example])
answers"""
_EXPLAIN = """\
try:
    with hr.serve(run) as endpoint:
        (explanation,) = endpoint.explain([endpoint.example])
        display(explanation)
except hr.UserError as error:  # a family without exact contributions, or no shap
    print(error)"""


def leave_notebook(folder: RunFolder, summary: Summary) -> None:
    """Write the notebook of a run whose ``summary.json`` is written; nothing if it did not come as far as a report.

    Args:
        folder: The run's folder.
        summary: The summary.
    """
    staging = folder.staging
    if not (staging / "report.html").exists():
        return
    home = folder.home if summary.status == "succeeded" else folder.home / "failed"
    digest = summary_digest((staging / "summary.json").read_bytes())
    cells = _cells(summary, digest, home, has_bundle=(staging / "bundle").is_dir())
    document = {
        "cells": [_cell(place, kind, text) for place, (kind, text) in enumerate(cells, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    write_text(staging / NOTEBOOK, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def summary_digest(content: bytes) -> str:
    """Return the digits by which the summary of a run is recognized."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _cell(place: int, kind: str, text: str) -> dict[str, Any]:
    common = {"cell_type": kind, "id": f"cell-{place:02d}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return {**common, "execution_count": None, "outputs": []} if kind == "code" else common


def _cells(summary: Summary, digest: str, home: Path, *, has_bundle: bool) -> Iterator[tuple[str, str]]:
    name = summary.model.name if summary.model and summary.model.name else home.name
    outcome = summary.error or " ".join([f"Verdict: {summary.verdict}.", *summary.reasons] if summary.verdict else [])
    yield "markdown", _INTRODUCTION.format(name=_plain(name), outcome=_plain(outcome or f"Status: {summary.status}."))
    yield "code", _OPEN.format(digest=digest, folder=str(home))
    if summary.metrics:
        yield "markdown", "## Metrics\n\nOn the test part, with 95 % intervals, beside those of the baseline."
        yield "code", _METRICS
    if summary.findings:
        yield "markdown", "## Findings\n\nWhat was left out, guessed, quarantined or looks suspicious."
        yield "code", _FINDINGS
    if not has_bundle or not summary.metrics:
        return
    kind = summary.task if summary.task in _WRONG else "classes"
    yield "markdown", _HEADINGS[kind]
    yield "code", _WRONG[kind]
    yield "markdown", "## Slices\n\nThe same by the values of a column; set `by` to another one."
    yield "code", _SLICES.replace("MEASURE", _MEASURES[kind])
    yield "markdown", "## Predictions\n\nOf a whole table, without a server."
    yield "code", _SCORE.replace("rows.drop(target)", "rows") if kind == "anomaly" else _SCORE
    yield "markdown", "## An endpoint\n\nIt is live for the length of the block."
    yield "code", _SERVE
    yield "markdown", "## An explanation\n\nWhat each column contributed; the first one takes some seconds."
    yield "code", _EXPLAIN


def _plain(text: str) -> str:
    """Return a text that Markdown does not interpret, on one line."""
    one_line = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|!$&~" else sign for sign in one_line)
