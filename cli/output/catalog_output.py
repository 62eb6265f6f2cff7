"""The catalogue's entry of one table, as text."""

from collections.abc import Sequence

from headrace.cli.output.text_table import align_rows, cut, day, left_out
from headrace.registry.catalog.queries import CatalogTable, QualityFigure, TableUse

LATEST = 12


def table_text(
    table: CatalogTable, figures: Sequence[QualityFigure], uses: Sequence[TableUse], *, runs: int = 0
) -> str:
    """Describe a table with everything that the catalogue knows of it.

    Args:
        table: The table.
        figures: Its quality over time, oldest first.
        uses: Models that were trained on it, oldest first; those of the latest runs at least.
        runs: Number of all runs that used it; 0 if it is that of the runs in ``uses``.
    """
    parts = [_head(table), _columns(table), _versions(table), _quality(figures), _uses(uses, runs)]
    return "\n\n".join(part for part in parts if part)


def _head(table: CatalogTable) -> str:
    keep = f"{table.retention_days} days" if table.retention_days else "unknown"
    expired = len(table.list_expired())
    facts = [
        ("source", table.source),
        ("owner", table.owner or "unknown"),
        ("licence", table.licence or "unknown"),
        ("tags", ", ".join(table.tags) or "none"),
        ("rows kept", keep + (f"; {expired} versions are older" if expired else "")),
        ("about", table.description or "unknown"),
    ]
    return f"{table.name}\n" + "\n".join(f"  {name:<10} {value}" for name, value in facts)


def _columns(table: CatalogTable) -> str:
    rows = [[c.name, c.dtype, c.role or "-", c.personal or "-", cut(c.description, 50)] for c in table.columns]
    return align_rows(("column", "dtype", "role", "personal", "about"), rows) if rows else ""


def _versions(table: CatalogTable) -> str:
    rows = [[day(v.last_seen), v.digest[:12], f"{v.rows:,}", f"{v.bytes:,}"] for v in reversed(table.versions)]
    text = align_rows(("read (UTC)", "digest", "rows", "bytes"), rows[:LATEST], right=(2, 3))
    return _with_rest(text, min(len(rows), LATEST), len(rows), "versions")


def _quality(figures: Sequence[QualityFigure]) -> str:
    """Return a line for each check, with the missing values and broken rules that it found."""
    checks = list(dict.fromkeys((figure.time, figure.digest) for figure in figures))
    times = checks[-LATEST:]
    rows = []
    for time, digest in reversed(times):
        same = {(f.name, f.subject): f.value for f in figures if (f.time, f.digest) == (time, digest)}
        missing = [
            f"{subject} {value:.1%}" for (name, subject), value in same.items() if name == "missing share" and value
        ]
        broken = [
            f"{name.removeprefix('broken ')} {subject} {value:g}"
            for (name, subject), value in same.items()
            if name.startswith("broken ")
        ]
        counts = [f"{same.get((f'rows {what}', ''), 0):,.0f}" for what in ("read", "quarantined")]
        rows.append([day(time), digest[:12], *counts, cut(", ".join(missing), 40), cut(", ".join(broken), 50)])
    head = ("checked (UTC)", "digest", "rows", "set aside", "missing", "rules broken")
    return _with_rest(align_rows(head, rows, right=(2, 3)), len(times), len(checks), "checks") if rows else ""


def _uses(uses: Sequence[TableUse], runs: int) -> str:
    rows = [
        [
            day(use.time),
            use.digest[:12],
            f"{use.model} {use.version}".strip(),
            use.verdict or "-",
            use.person,
            ", ".join(endpoint["url"].partition("://")[2].partition("/")[0] for endpoint in use.endpoints) or "-",
        ]
        for use in list(reversed(uses))[:LATEST]
    ]
    text = align_rows(("used (UTC)", "digest", "made", "verdict", "by", "endpoints"), rows) if rows else ""
    return _with_rest(text, len(rows), max(len(uses), runs), "uses")


def _with_rest(text: str, shown: int, total: int, what: str) -> str:
    """Return a table with a line below that says how many rows it lacks."""
    rest = left_out(shown, total, what=f"{what}, the latest", how="--json shows all").rstrip()
    return f"{text}\n{rest}" if rest else text
