"""The report of a run: one self-contained page, whether the run ended well or not."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headrace.core.base import settings
from headrace.core.base.files import write_text
from headrace.core.base.notes import Note
from headrace.core.evaluation.evaluation_document import ConfusionMatrix, Evaluation
from headrace.core.packaging import run_notes
from headrace.core.packaging.cards.phrases import doubts
from headrace.core.validation.data_checks import BrokenRule
from headrace.reports.base.phrases import (
    endpoint_sentence,
    in_order,
    main_metric,
    measured_sentence,
    metric_name,
    threshold_sentence,
    verdict_words,
)
from headrace.reports.base.table_facts import ColumnFacts
from headrace.reports.page.page import render as fill
from headrace.reports.run import evaluation_figures
from headrace.reports.run import sections as run_parts
from headrace.reports.run.document import RunFacts, RunPaths
from headrace.reports.search import sections
from headrace.reports.search.document import SearchFacts

ROWS = 60
HIGHLIGHTS = 6
WARNINGS = 8


def render(run: RunFacts) -> str:
    """Render the page.

    Args:
        run: The run's documents; the page says of each absent part that it is absent.

    Returns:
        A self-contained HTML page without scripts; everything from the data is escaped.

    Raises:
        InputError: If the trials are not a search's.
    """
    evaluation = _evaluation(run)
    sections = [
        ("steps", "Steps"),
        ("data", "Data"),
        ("profile", "Profile"),
        ("search", "Search"),
        ("metrics", "Metrics"),
        *(
            [("curves", "Errors" if evaluation["task"] == "regression" else "Curves")]
            if evaluation and _has_curves(evaluation)
            else []
        ),
        *([("slices", "Slices")] if evaluation and evaluation["slices"] else []),
        ("verdict", "Verdict"),
        ("endpoint", "Endpoint"),
        ("card", "Model card"),
        *([("risk", "Risk sheet")] if run.bundle and run.bundle.risk else []),
        ("provenance", "Provenance"),
    ]
    style, word = verdict_words(run.verdict.verdict if run.verdict else "")
    return fill(
        "run.html",
        run=run,
        title=run.name or "Run",
        task=run.contract.task if run.contract else "",
        headline=_headline(run),
        grouped_notes=_group_notes(run),
        sections=sections,
        span=max((step.start + step.seconds for step in run.steps), default=0.0) or 1.0,
        rules=_rules(run),
        balance=run_parts.balance(run.checks) if run.checks else [],
        highlights=_highlights(run),
        search=_search(run),
        evaluation=evaluation,
        verdict={"style": style, "word": word},
        endpoint=run_parts.endpoint(run.verification, hidden=run_parts.personal(run.contract))
        if run.verification
        else {},
        provenance=run_parts.provenance(run),
        metric_name=metric_name,
        limit=ROWS,
        version=version("headrace"),
    )


def _headline(run: RunFacts) -> dict[str, str]:
    """Return style, word and sentence of the verdict, and a second sentence to show on top."""
    measured = measured_sentence(run.evaluation, main_metric(run.evaluation, run.verdict)) if run.evaluation else ""
    if run.error:
        return {"style": "bad", "word": "The run failed", "text": run.error, "more": measured}
    style, word = verdict_words(run.verdict.verdict if run.verdict else "")
    return {"style": style, "word": word, "text": measured, "more": endpoint_sentence(run.verification)}


def _group_notes(run: RunFacts) -> dict[str, list[Note]]:
    """Group the notes: the first warnings, further warnings, and notes for information."""
    notes = run_notes.gather(run.checks, run.evaluation)
    warnings = [note for note in notes if note.severity == "warning"]
    infos = [note for note in notes if note.severity == "info"]
    return {"first": warnings[:WARNINGS], "warnings": warnings[WARNINGS:], "notes": infos}


def _rules(run: RunFacts) -> list[BrokenRule]:
    """Return the broken rules, the most severe first."""
    order = {"stop": 0, "quarantine": 1, "warn": 2}
    broken = [rule for rule in run.checks.rules if rule.count] if run.checks else []
    return sorted(broken, key=lambda rule: (order.get(rule.severity, 3), -rule.count))


def _highlights(run: RunFacts) -> list[ColumnFacts]:
    """Return the target and the columns with the strongest association with it."""
    if run.profile is None:
        return []
    target = [column for column in run.profile.columns if column.role == "target"]
    return [*target, *run.profile.ranked][:HIGHLIGHTS]


def _search(run: RunFacts) -> dict[str, Any] | None:
    return sections.brief(SearchFacts.from_json(run.trials), run.evaluation) if run.trials else None


def _evaluation(run: RunFacts) -> dict[str, Any] | None:
    evaluation = run.evaluation
    if evaluation is None:
        return None
    slices = run_parts.slices(evaluation, run_parts.personal(run.contract))
    return {
        "task": evaluation.task,
        "sentence": measured_sentence(evaluation, main_metric(evaluation, run.verdict)),
        "metrics": evaluation_figures.list_measures(evaluation),
        "forests": evaluation_figures.forests(evaluation),
        "doubts": list(doubts(evaluation)),
        "kind": evaluation.baseline.kind,
        "curves": evaluation_figures.curves(evaluation),
        "confusion": _confusion(evaluation),
        "threshold": evaluation.alerts.sentences if evaluation.alerts else threshold_sentence(evaluation.threshold),
        "slices": slices,
        "equal_inputs": evaluation.equal_inputs,
        "near_inputs": evaluation.near_inputs,
        "positive": evaluation.positive,
        "slice_metrics": in_order(name for part in slices for name in part.metrics),
    }


def _has_curves(evaluation: dict[str, Any]) -> bool:
    return bool(evaluation["curves"] or evaluation["confusion"] or evaluation["threshold"])


def _confusion(evaluation: Evaluation) -> ConfusionMatrix | None:
    matrix = evaluation.confusion
    return matrix if matrix and len(matrix.labels) <= ROWS else None


def report_run(
    page: str,
    *,
    paths: RunPaths,
    source: dict[str, Any] | None = None,
    expected: tuple[str, ...] = (),
    error: str = "",
) -> None:
    """Write the report of a run from what its steps left.

    Args:
        page: Path of the HTML page to write.
        paths: Paths of the artifacts; without ``events``, the file that ``HEADRACE_EVENTS`` names is read.
        source: Metadata of ingest's table.
        expected: Names of all steps of the pipeline, in order.
        error: The sentence with which the run failed; empty if it did not.

    Raises:
        InputError: If the page cannot be written, or a file cannot be read.
    """
    events_path = settings.events_path()
    if paths.events is None and events_path:
        paths = replace(paths, events=Path(events_path))
    write_text(Path(page), render(RunFacts.from_paths(paths, source=source, expected=expected, error=error)))
