"""The report of a migration on the screen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.migration.differences import Migration
    from headrace.migration.migrate import MigrationReport

_WORDS = {"remains": "by hand", "changed": "changed", "dropped": "dropped"}


def report_lines(report: "MigrationReport") -> Iterator[str]:
    """Yield what became of each file: where it went, and each difference with its line, what a person must do first."""
    for migration in report.migrations:
        yield from _file_lines(migration)
    for path, reason in report.failed:
        yield f"{path}: not migrated"
        yield f"  {reason}"
    if report.skipped:
        yield f"{len(report.skipped)} other files were left alone."
    if not report.migrations and not report.failed:
        yield "Nothing of KFP v1 was found."


def _file_lines(migration: "Migration") -> Iterator[str]:
    if migration.form == "none":
        yield f"{migration.source}: nothing to change, KFP 2 takes it as it is"
        return
    written = ", ".join(map(str, migration.files)) or "nothing was written"
    remaining = sum(difference.kind == "remains" for difference in migration.differences)
    state = f"{remaining} by hand" if remaining else "complete"
    rewritten = f", {len(migration.rewritten)} places rewritten" if migration.form == "pipeline" else ""
    yield f"{migration.source} -> {written}: {state}{rewritten}"
    for difference in sorted(
        migration.differences, key=lambda difference: (difference.kind != "remains", difference.line)
    ):
        remedy = f" {difference.remedy}" if difference.remedy else ""
        yield f"  line {difference.line}, {_WORDS[difference.kind]}: {difference.what}: {difference.why}.{remedy}"
