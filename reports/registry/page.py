"""The pages of a registered model: all its versions, and two of them side by side."""

from collections.abc import Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from headrace.core.base.errors import MissingError
from headrace.core.base.files import write_text
from headrace.core.statistics.metric_names import MAIN, main_metric
from headrace.registry.models.base import ModelRegistry
from headrace.registry.models.contract_changes import ContractChange
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.history_text import describe_entry
from headrace.registry.models.state import STAGES, ModelState, ModelVersion
from headrace.reports.base.phrases import in_order, less_is_better, metric_name, verdict_words
from headrace.reports.page.page import render as fill
from headrace.reports.registry.lineage_page import known_lineage
from headrace.reports.registry.lineage_svg import drawing
from headrace.reports.registry.version_figures import metrics_over_versions

CARD = "card.md"
# Rows of a table: with them a page stays far below 2 MB.
MOST_ROWS = 500


def write_model_page(path: Path, *, registry: ModelRegistry, state: ModelState, catalog: str = "") -> None:
    """Write the page of a model.

    Args:
        path: The page.
        registry: Where its files are kept.
        state: The model.
        catalog: Address of the catalogue that knows its data; empty for the default one.

    Raises:
        InputError: If the page cannot be written.
    """
    shown = state.stage("production") or state.versions[-1]
    try:
        card = registry.text(shown, CARD)
    except MissingError:
        card = ""
    graph = known_lineage(state.model, state=state, catalog=catalog)
    write_text(path, model_page(state, shown=shown, card=card, lineage=drawing(graph) if graph else None))


def model_page(state: ModelState, *, shown: ModelVersion, card: str = "", lineage: Any = None) -> str:
    """Render the page of a model.

    Args:
        state: The model.
        shown: The version whose card is shown: the one in production, or the latest.
        card: Its model card; empty for none.
        lineage: The drawing of its lineage; None for none.
    """
    latest = state.versions[-1]
    return fill(
        "registry.html",
        state=state,
        shown=shown,
        latest=latest,
        placed=[(stage, state.stage(stage)) for stage in reversed(STAGES)],
        versions=[_row(version) for version in reversed(state.versions[-MOST_ROWS:])],
        figures=metrics_over_versions(state.versions),
        compared=_compare_versions(shown, latest) if shown != latest else None,
        entries=_describe_latest(state.entries, state),
        entry_count=len(state.entries),
        card=card,
        lineage=lineage,
        version=installed("headrace"),
    )


def write_comparison_page(
    path: Path, *, state: ModelState, versions: tuple[ModelVersion, ModelVersion], changes: Sequence[ContractChange]
) -> None:
    """Write the page of two versions side by side.

    Args:
        path: The page.
        state: The model.
        versions: The two.
        changes: What changes for a client when the second one replaces the first one.

    Raises:
        InputError: If the page cannot be written.
    """
    first, second = versions
    entries = [entry for entry in state.entries if entry.version in {first.number, second.number}]
    write_text(
        path,
        fill(
            "compared.html",
            state=state,
            compared=_compare_versions(first, second),
            changes=changes,
            entries=_describe_latest(entries, state),
            entry_count=len(entries),
            version=installed("headrace"),
        ),
    )


def _describe_latest(entries: Sequence[JournalEntry], state: ModelState) -> list[tuple[JournalEntry, str]]:
    """Return the latest entries, the last one first, each with a clause that describes it."""
    return [(entry, describe_entry(entry, state)) for entry in reversed(entries[-MOST_ROWS:])]


def _row(version: ModelVersion) -> dict[str, Any]:
    style, word = verdict_words(version.verdict)
    task = version.facts.get("task", "")
    name = main_metric(task, version.facts.get("metrics", {})) if task in MAIN else ""
    return {
        "version": version,
        "style": style,
        "word": word,
        "metric": metric_name(name),
        "value": version.facts.get("metrics", {}).get(name),
    }


def _compare_versions(first: ModelVersion, second: ModelVersion) -> dict[str, Any]:
    """Compare two versions for a table of metrics."""
    names = in_order([*first.facts.get("metrics", {}), *second.facts.get("metrics", {})])
    rows = []
    for name in names:
        old, new = (version.facts.get("metrics", {}).get(name) for version in (first, second))
        row = {"name": metric_name(name), "less": less_is_better(name)}
        rows.append({**row, "old": old, "new": new, "apart": _are_disjoint(old, new)})
    return {"first": first, "second": second, "metrics": rows}


def _are_disjoint(old: Any, new: Any) -> bool:
    """Return whether two intervals do not overlap."""
    if not old or not new or old.get("low") is None or new.get("low") is None:
        return False
    return bool(new["low"] > old["high"] or old["low"] > new["high"])
