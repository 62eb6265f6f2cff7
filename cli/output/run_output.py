"""What a person sees while a line runs and when it ended."""

import json
import shlex
from typing import Any, TextIO

from headrace.api.progress import describe_event
from headrace.cli.output.findings_output import findings, positive
from headrace.pipelines.local.runner import StepEvent
from headrace.pipelines.local.summary import Summary
from headrace.registry.backends.locations import registry_place

_LESS_IS_BETTER = {"log_loss", "brier", "mae", "rmse"}
_WIDTH = 110


class Progress:
    """One line for each step, with its time, and for what one waits for; on a terminal also what it is at."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._live = stream.isatty()

    def __call__(self, told: StepEvent) -> None:
        """Show one thing that a step told."""
        if told.event in {"start", "progress"}:
            if self._live:
                self._stream.write(f"\r\033[K  … {told.step:<16}{'':>9}  {told.text}"[:_WIDTH])
                self._stream.flush()
            return
        start = "\r\033[K" if self._live else ""
        line = f"  {describe_event(told)}"
        self._stream.write(start + (line if told.event == "waiting" else line[:_WIDTH]) + "\n")
        self._stream.flush()


def figure(value: float) -> str:
    """Three significant digits, with thousands separated."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def metrics_table(summary: Summary) -> list[str]:
    """The metrics with their intervals beside the baseline's, a line each."""
    lines = [f"  {'metric':<12}{'value':>9}   {'95 % interval':<20}{'baseline':>9}"]
    for name, metric in summary.metrics.items():
        interval = f"{figure(metric.low)} to {figure(metric.high)}"
        base = figure(summary.baseline[name]) if name in summary.baseline else "-"
        better = "  (less is better)" if name in _LESS_IS_BETTER else ""
        lines.append(f"  {name:<12}{figure(metric.value):>9}   {interval:<20}{base:>9}{better}")
    if summary.resampled_by:
        lines.append(f"  {summary.resampled_by.sentence}")
    lines += [f"  caution   {', '.join(caution.metrics)}: {caution.text}" for caution in summary.cautions]
    return lines


def outcome(summary: Summary) -> str:
    """What came of a good run, in the order in which a person asks."""
    lines = ["", *findings(summary), *metrics_table(summary), *positive(summary), ""]
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
    return "\n".join(lines)


def search(summary: Summary) -> str:
    """What the search thought of its best, beside what rows say that it has not seen."""
    found = summary.search
    if found is None or found.score is None:
        return ""
    less = "  (less is better)" if found.metric in _LESS_IS_BETTER else ""
    lines = [
        "",
        f"  {found.trials} trials on {found.engine}, {found.failed} failed; {found.metric}{less}:",
        f"    {figure(found.score):>9}   cross-validated score of the best, by which it was chosen: it flatters",
    ]
    if found.nested is not None:
        ends = found.nested_low, found.nested_high
        known = "" if None in ends else f" ({' to '.join(figure(end) for end in ends if end is not None)})"
        lines.append(f"    {figure(found.nested):>9}   nested cross-validation: what such a search is worth{known}")
    if found.metric in summary.metrics:
        metric = summary.metrics[found.metric]
        interval = f"{figure(metric.low)} to {figure(metric.high)}"
        lines.append(f"    {figure(metric.value):>9}   the refitted best on the test part ({interval})")
    return "\n".join(lines)


def look(summary: Summary) -> str:
    """The command that shows the model in the registry, to follow other advice; empty if it is in none."""
    if not summary.model or not summary.model.version:
        return ""
    usual = registry_place().url == registry_place(summary.registry).url
    where = "" if usual else f" --registry {shlex.quote(summary.registry)}"
    return f", headrace registry show {summary.model.name}{where}"


def exchange(verification: dict[str, Any]) -> str:
    """One request to the endpoint, its answer, and the actual value that had been set aside."""
    answer = json.dumps(verification["answer"], ensure_ascii=False)
    return "\n".join(
        [
            "  the endpoint was asked   " + _cut(json.dumps(verification["request"], ensure_ascii=False)),
            "  and answered             " + _cut(answer),
            f"  the actual value was     {verification['actual']}",
        ]
    )


def _cut(text: str, limit: int = 240) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
