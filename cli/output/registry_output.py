"""The tables that the commands of the registry print."""

from collections.abc import Sequence

from headrace.cli.output.run_output import format_value
from headrace.cli.output.text_table import align_rows, cut, day
from headrace.core.statistics.metric_names import MAIN
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.history_text import describe_entry
from headrace.registry.models.state import STAGES, ModelState, ModelVersion


def models_table(states: Sequence[ModelState]) -> str:
    """Return one line for each model: the version in each stage, and the latest one."""
    rows = []
    for state in states:
        latest = state.versions[-1]
        staged = [current.version if (current := state.stage(stage)) else "-" for stage in reversed(STAGES)]
        rows.append([state.model, *staged, latest.version, latest.verdict or "-", day(latest.registered), latest.by])
    return align_rows(("model", *reversed(STAGES), "latest", "verdict", "registered (UTC)", "by"), rows)


def versions_table(versions: Sequence[ModelVersion]) -> str:
    """Return one line for each version of a model, the latest first.

    Args:
        versions: The versions in the order of their numbers.
    """
    rows = [
        [
            version.number,
            version.full,
            version.state or "-",
            version.verdict or "-",
            main_metric(version),
            day(version.registered),
            version.by,
            f"{len(version.approvals)}" if version.approvals else "-",
        ]
        for version in reversed(versions)
    ]
    head = ("no", "version", "stages", "verdict", "main metric", "registered (UTC)", "by", "approvals")
    return align_rows(head, rows, right=(0,))


def main_metric(version: ModelVersion) -> str:
    """Return the main metric of a version's task, with its interval."""
    name = MAIN.get(version.facts.get("task", ""), "")
    value = version.facts.get("metrics", {}).get(name)
    return f"{name} {interval(value)}" if value else "-"


def interval(value: dict[str, float]) -> str:
    """Return a metric with its interval."""
    ends = f" ({format_value(value['low'])} to {format_value(value['high'])})" if value.get("low") is not None else ""
    return f"{format_value(value['value'])}{ends}"


def history_table(state: ModelState, entries: Sequence[JournalEntry]) -> str:
    """Return who did what, when and why, the latest last.

    Args:
        state: The model.
        entries: The entries of its history to show.
    """
    rows = [
        [entry.number, day(entry.time), entry.by, describe_entry(entry, state), cut(entry.reason)] for entry in entries
    ]
    return align_rows(("no", "time (UTC)", "who", "what", "why"), rows, right=(0,))


def comparison(first: ModelVersion, second: ModelVersion) -> str:
    """Return a table of two versions side by side."""
    facts = [(version, version.facts) for version in (first, second)]
    rows: list[list[object]] = [
        ["number", *(version.number for version, _ in facts)],
        ["stages", *(", ".join(version.stages) or "-" for version, _ in facts)],
        ["registered", *(f"{day(version.registered)} by {version.by}" for version, _ in facts)],
        ["verdict", *(version.verdict or "-" for version, _ in facts)],
        ["family", *(details.get("family", "-") for _, details in facts)],
        ["table", *(cut(details.get("table", {}).get("source", "-"), 40) for _, details in facts)],
        ["table's digest", *(details.get("table", {}).get("digest", "")[:12] or "-" for _, details in facts)],
        ["rows to train on", *(details.get("rows", {}).get("train", "-") for _, details in facts)],
        ["contract", *(details.get("contract", "")[:12] for _, details in facts)],
    ]
    names = dict.fromkeys([*first.facts.get("metrics", {}), *second.facts.get("metrics", {})])
    for name in names:
        values = [details.get("metrics", {}).get(name) for _, details in facts]
        rows.append([name, *(interval(value) if value else "-" for value in values)])
    return align_rows(("", first.full, second.full), rows)
