"""A run that ended, as a notebook shows it."""

import re
from pathlib import Path

import pytest

import headrace.api as hr
from headrace.pipelines.local.summary import Finding, Summary


def test_a_run_is_shown_by_the_head_of_its_report(folder: Path) -> None:
    """Verdict, metrics with their intervals, rows and a link, in a few kilobytes."""
    run = hr.open_run("headrace-out/customers")
    shown = run._repr_html_()
    assert {"promote": "Promoted", "hold": "Held", "reject": "Rejected"}[run.verdict] in shown
    assert shown.count("<th scope=") == len(run.metrics)
    assert f"{run.metrics['roc_auc'].value:.3f}" in shown
    assert run.rows
    assert f"{run.rows.train} to train on" in shown
    assert 'href="headrace-out/customers/report.html"' in shown
    assert len(shown) < 10_000


def test_it_is_self_contained_and_touches_nothing_around_it(folder: Path) -> None:
    """No script, nothing loaded, no style sheet, no id, and no class but those that keep formulas out of it."""
    shown = hr.open_run("headrace-out/customers")._repr_html_()
    shown = shown.replace('class="tex2jax_ignore mathjax_ignore"', "", 1)
    assert not re.search(r"<(script|link|style|img|iframe)|\b(src|class|id|on\w+)=|@import|url\(", shown)


def test_what_stands_in_the_data_is_escaped(tmp_path: Path) -> None:
    """A finding may quote a column's name, whatever it is."""
    finding = Finding(severity="warning", column="<b>", rule="x", count=1, sentence="Column '<script>' is.", remedy="")
    summary = Summary(status="succeeded", seconds=1, steps=[], findings=[finding] * 6, reasons=["<i>"], verdict="hold")
    shown = hr.Run(home=tmp_path, summary=summary)._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "&lt;i&gt;" in shown
    assert "2 more findings in" in shown
    assert "<script" not in shown


def test_the_link_leads_to_the_report_wherever_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative below the notebook's folder, where Jupyter may open it, else of the machine; none without a page."""
    run = hr.open_run("headrace-out/customers")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert f'href="{run.report.as_uri()}"' in run._repr_html_()
    run.report.unlink()
    assert "href" not in run._repr_html_()


def test_its_text_is_one_line(folder: Path) -> None:
    """Name, verdict, first metric and folder; not the whole summary."""
    run = hr.open_run("headrace-out/customers")
    assert re.fullmatch(rf"<Run customers: {run.verdict}, roc_auc 0\.\d+ \(.* to .*\), in .*customers>", repr(run))
    assert len(repr(run.bundle)) < 200


def test_metrics_and_findings_are_those_of_the_summary(folder: Path) -> None:
    """Under the names that people look for."""
    run = hr.open_run(folder / "headrace-out" / "customers")
    assert run.baseline == run.summary.baseline
    assert run.reasons == tuple(run.summary.reasons)
    assert run.findings == tuple(run.summary.findings)
    assert run.search
    assert run.search.trials == 3
    assert run.verification["request"]["instances"]


def test_a_folder_without_a_summary_is_no_run(tmp_path: Path) -> None:
    """Of a run that has not ended; the sentence says what to name."""
    with pytest.raises(hr.MissingError, match=r"there is no summary\.json in"):
        hr.open_run(tmp_path)


def test_another_document_is_no_summary(tmp_path: Path) -> None:
    """Such as that of another version."""
    (tmp_path / "summary.json").write_text('{"status": "good"}')
    with pytest.raises(hr.InputError, match="must be a summary that this version wrote"):
        hr.open_run(tmp_path)
