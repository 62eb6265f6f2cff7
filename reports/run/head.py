"""The head of a run's report, for pages of other programs, such as a notebook."""

from collections.abc import Mapping
from typing import Any

from headrace.reports.base.phrases import less_is_better, metric_name, verdict_words
from headrace.reports.page.page import render

MOST_WARNINGS = 4


def render_run_head(summary: Mapping[str, Any], *, report: str = "") -> str:
    """Render verdict, warnings and metrics as a fragment of HTML.

    Args:
        summary: The summary of a run, as plain values (docs/summary.schema.json).
        report: URL of the whole report; empty for no link.

    Returns:
        Elements with inline styles: no scripts, no external resources, no rule that changes the page around them.
        Every text is escaped.
    """
    style, word = ("bad", "The run failed") if summary["status"] == "failed" else verdict_words(summary["verdict"])
    warnings = [finding for finding in summary["findings"] if finding["severity"] == "warning"][:MOST_WARNINGS]
    return render(
        "run_head.html",
        run=summary,
        name=(summary.get("model") or {}).get("name") or "Run",
        style=style,
        word=word,
        warnings=warnings,
        others=len(summary["findings"]) - len(warnings),
        metrics=[_row(name, summary) for name in summary["metrics"]],
        report=report,
    )


def _row(name: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    arrow = " ↓" if less_is_better(name) else ""
    baseline = summary["baseline"].get(name)
    return {"name": f"{metric_name(name)}{arrow}", "baseline": baseline, **summary["metrics"][name]}
