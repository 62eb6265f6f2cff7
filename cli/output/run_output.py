"""The lines that the command line prints during a run and at its end."""

import json
import shlex
from pathlib import Path
from typing import Any, TextIO

from headrace.api.progress import describe_event
from headrace.cli.output.findings_output import LINE_WIDTH, findings, positive_class_line
from headrace.core.statistics.metric_names import LOWER_IS_BETTER
from headrace.pipelines.local.run_notebook import NOTEBOOK
from headrace.pipelines.local.runner import StepEvent
from headrace.pipelines.local.summary import Summary
from headrace.registry.backends.locations import registry_location


class Progress:
    """Prints a line for each step with its time, and for what it waits for; on a terminal also its progress."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._live = stream.isatty()

    def __call__(self, event: StepEvent) -> None:
        """Show one event of a step."""
        if event.event in {"start", "progress"}:
            if self._live:
                self._stream.write(f"\r\033[K  … {event.step:<16}{'':>9}  {event.text}"[:LINE_WIDTH])
                self._stream.flush()
            return
        start = "\r\033[K" if self._live else ""
        line = f"  {describe_event(event)}"
        self._stream.write(start + (line if event.event == "waiting" else line[:LINE_WIDTH]) + "\n")
        self._stream.flush()


def format_value(value: float) -> str:
    """Format a number with three significant digits and thousands separators."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def metrics_table(summary: Summary) -> list[str]:
    """Return one line for each metric: its value, its interval and the baseline's value."""
    width = max([11, *map(len, summary.metrics)]) + 1
    lines = [f"  {'metric':<{width}}{'value':>9}   {'95 % interval':<20}{'baseline':>9}"]
    for name, metric in summary.metrics.items():
        interval = f"{format_value(metric.low)} to {format_value(metric.high)}"
        base = format_value(summary.baseline[name]) if name in summary.baseline else "-"
        better = "  (less is better)" if name in LOWER_IS_BETTER else ""
        lines.append(f"  {name:<{width}}{format_value(metric.value):>9}   {interval:<20}{base:>9}{better}")
    if summary.resampled_by:
        lines.append(f"  {summary.resampled_by.sentence}")
    lines += [f"  caution   {', '.join(caution.metrics)}: {caution.text}" for caution in summary.cautions]
    return lines


def describe_run(summary: Summary) -> str:
    """Describe a completed run: findings, metrics, verdict, rows, model, endpoint, registry, report."""
    lines = ["", *findings(summary), *metrics_table(summary), *positive_class_line(summary), ""]
    lines.append(f"  verdict   {summary.verdict}: {' '.join(summary.reasons)}")
    if summary.rows:
        rows = summary.rows
        parts = f"train {rows.train:,}, test {rows.test:,}, quarantined {rows.quarantined:,}"
        lines.append(f"  rows      {rows.read:,} read: {parts}")
    if summary.model:
        lines.append(f"  model     {summary.model.family}  {summary.model.uri or '(not published)'}")
    if summary.endpoint:
        state = "verified" if summary.endpoint.verified else "NOT verified"
        lines.append(f"  endpoint  {state} with {summary.endpoint.cases} test cases")
    if summary.registry:
        version = summary.model.version if summary.model else ""
        lines.append(f"  registry  {version or 'run tracked, no version'}  in {summary.registry}")
    lines.append(f"  report    {summary.report}")
    if summary.report:
        lines.append(f"  notebook  {Path(summary.report).with_name(NOTEBOOK)}")
    return "\n".join(lines)


def compare_search_scores(summary: Summary) -> str:
    """Compare the score by which the search chose its best with scores on rows that it has not seen."""
    result = summary.search
    if result is None or result.score is None:
        return ""
    less = "  (less is better)" if result.metric in LOWER_IS_BETTER else ""
    lines = [
        "",
        f"  {result.trials} trials on {result.tuner}, {result.failed} failed; {result.metric}{less}:",
        f"    {format_value(result.score):>9}   cross-validated score of the best, by which it was chosen: it flatters",
    ]
    if result.ensemble is not None:
        lines.append(
            f"    {format_value(result.ensemble):>9}   the ensemble of {result.ensemble_members} trials, weighted "
            "without the fold that it is measured on"
        )
    if result.nested is not None:
        ends = result.nested_low, result.nested_high
        ends_text = "" if None in ends else f" ({' to '.join(format_value(end) for end in ends if end is not None)})"
        lines.append(
            f"    {format_value(result.nested):>9}   nested cross-validation: what such a search is worth{ends_text}"
        )
    if result.metric in summary.metrics:
        metric = summary.metrics[result.metric]
        winner = "best" if result.ensemble is None else "ensemble"
        interval = f"{format_value(metric.low)} to {format_value(metric.high)}"
        lines.append(f"    {format_value(metric.value):>9}   the refitted {winner} on the test part ({interval})")
    return "\n".join(lines)


def registry_command(summary: Summary) -> str:
    """Return the command that shows the model in the registry, to append to other advice; empty if it is in none."""
    if not summary.model or not summary.model.version:
        return ""
    usual = registry_location().url == registry_location(summary.registry).url
    where = "" if usual else f" --registry {shlex.quote(summary.registry)}"
    return f", headrace registry show {summary.model.name}{where}"


def describe_request(verification: dict[str, Any]) -> str:
    """Show one request to the endpoint, its response, and the actual value that had been set aside."""
    answer = json.dumps(verification["answer"], ensure_ascii=False)
    lines = [
        "  request to the endpoint  " + _cut(json.dumps(verification["request"], ensure_ascii=False)),
        "  response                 " + _cut(answer),
        f"  actual value             {verification['actual']}",
    ]
    return "\n".join(lines if verification["actual"] != "" else lines[:-1])


def _cut(text: str, limit: int = 240) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
