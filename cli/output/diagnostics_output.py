"""Findings of a check of this machine or of a cluster, in lines."""

from collections.abc import Sequence
from pathlib import Path

from headrace.core.base.diagnostics import Diagnostic, DiagnosticState, as_dict

_MARKS: dict[DiagnosticState, str] = {"good": "✓", "note": "·", "unknown": "?", "warning": "!", "bad": "✗"}
_WIDTH = 16
_PLACES = {"local": "this machine", "cluster": "the cluster"}


def format_diagnostics(findings: Sequence[Diagnostic]) -> list[str]:
    """Return a line for each finding and one for its remedy; findings of one area stand together."""
    areas = list(dict.fromkeys(finding.area for finding in findings))
    lines = []
    for area in areas:
        name = area
        for finding in findings:
            if finding.area != area:
                continue
            lines.append(f"  {_MARKS[finding.state]} {name:<{_WIDTH}}{finding.text}")
            if finding.remedy:
                lines.append(f"    {'':<{_WIDTH}}→ {finding.remedy}")
            name = ""
    return lines


def closing_line(findings: Sequence[Diagnostic], *, platform: str, pipeline: Path | None) -> str:
    """Return the last line: how it stands, and what to do next."""
    counts = as_dict(findings)["counts"]
    what = f"{pipeline} on {_PLACES[platform]}" if pipeline else _PLACES[platform]
    if counts["bad"]:
        return (
            f"\n{what}: {counts['bad']} to fix (✗), {counts['warning']} to know about (!); fix them, then run it again."
        )
    unsure = f", {counts['unknown']} could not be checked (?)" if counts["unknown"] else ""
    following = _following(platform, pipeline)
    return f"\n{what}: nothing stands in the way; {counts['warning']} to know about (!){unsure}. Next: {following}"


def _following(platform: str, pipeline: Path | None) -> str:
    if platform == "local":
        return "headrace demo" if pipeline is None else "headrace run TABLE --target COLUMN"
    if pipeline is None:
        return "headrace compile training -o training.yaml; headrace doctor --platform cluster training.yaml"
    return "upload it in the Kubeflow UI under Pipelines, Upload pipeline."
