"""What the commands of the registry show."""

from collections.abc import Sequence

from headrace.cli.output.run_output import figure
from headrace.cli.output.text_table import align_rows, cut, day
from headrace.core.statistics.metrics import MAIN
from headrace.registry.models.history_text import describe_entry
from headrace.registry.models.state import STAGES, ModelState, ModelVersion


def models_table(states: Sequence[ModelState]) -> str:
    """All models, a line each: what is in which stage, and what came last."""
    rows = []
    for state in states:
        latest = state.versions[-1]
        placed = [found.version if (found := state.stage(stage)) else "-" for stage in reversed(STAGES)]
        rows.append([state.model, *placed, latest.version, latest.verdict or "-", day(latest.registered), latest.by])
    return align_rows(("model", *reversed(STAGES), "latest", "verdict", "registered (UTC)", "by"), rows)


def versions_table(state: ModelState) -> str:
    """All versions of a model, the latest first."""
    rows = [
        [
            version.number,
            version.full,
            ", ".join(version.stages) or ("archived" if version.archived else "-"),
            version.verdict or "-",
            main_metric(version),
            day(version.registered),
            version.by,
            f"{len(version.approvals)}" if version.approvals else "-",
        ]
        for version in reversed(state.versions)
    ]
    head = ("no", "version", "stages", "verdict", "main metric", "registered (UTC)", "by", "approvals")
    return align_rows(head, rows, right=(0,))


def main_metric(version: ModelVersion) -> str:
    """The main metric of a version's task, with its interval."""
    name = MAIN.get(version.facts.get("task", ""), "")
    found = version.facts.get("metrics", {}).get(name)
    return f"{name} {interval(found)}" if found else "-"


def interval(found: dict[str, float]) -> str:
    """A metric with its interval."""
    ends = f" ({figure(found['low'])} to {figure(found['high'])})" if found.get("low") is not None else ""
    return f"{figure(found['value'])}{ends}"


def history_table(state: ModelState, *, most: int = 0) -> str:
    """Who did what, when and why, the latest last.

    Args:
        state: The model.
        most: How many of the latest entries; 0 for all.
    """
    entries = state.entries[-most:]
    rows = [
        [entry.number, day(entry.time), entry.by, describe_entry(entry, state), cut(entry.reason)] for entry in entries
    ]
    return align_rows(("no", "time (UTC)", "who", "what", "why"), rows, right=(0,))


def comparison(first: ModelVersion, second: ModelVersion) -> str:
    """Two versions side by side."""
    facts = [(version, version.facts) for version in (first, second)]
    rows: list[list[object]] = [
        ["number", *(version.number for version, _ in facts)],
        ["stages", *(", ".join(version.stages) or "-" for version, _ in facts)],
        ["registered", *(f"{day(version.registered)} by {version.by}" for version, _ in facts)],
        ["verdict", *(version.verdict or "-" for version, _ in facts)],
        ["family", *(known.get("family", "-") for _, known in facts)],
        ["table", *(cut(known.get("table", {}).get("source", "-"), 40) for _, known in facts)],
        ["table's digest", *(known.get("table", {}).get("digest", "")[:12] or "-" for _, known in facts)],
        ["rows to train on", *(known.get("rows", {}).get("train", "-") for _, known in facts)],
        ["contract", *(known.get("contract", "")[:12] for _, known in facts)],
    ]
    names = dict.fromkeys([*first.facts.get("metrics", {}), *second.facts.get("metrics", {})])
    for name in names:
        found = [known.get("metrics", {}).get(name) for _, known in facts]
        rows.append([name, *(interval(value) if value else "-" for value in found)])
    return align_rows(("", first.full, second.full), rows)
