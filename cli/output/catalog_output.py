"""The catalogue's entry of one table, as text."""

from collections.abc import Sequence

from headrace.cli.output.text_table import align_rows, cut, day
from headrace.registry.catalog.queries import CatalogTable, QualityFigure, TableUse

_LATEST = 12


def table_text(table: CatalogTable, figures: Sequence[QualityFigure], uses: Sequence[TableUse]) -> str:
    """Describe a table with everything that the catalogue knows of it.

    Args:
        table: The table.
        figures: Its quality over time, oldest first.
        uses: Models that were trained on it, oldest first.
    """
    parts = [_head(table), _columns(table), _versions(table), _quality(figures), _uses(uses)]
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
    return align_rows(("read (UTC)", "digest", "rows", "bytes"), rows[:_LATEST], right=(2, 3))


def _quality(figures: Sequence[QualityFigure]) -> str:
    """Return a line for each check, with the missing values and broken rules that it found."""
    times = list(dict.fromkeys((figure.time, figure.digest) for figure in figures))[-_LATEST:]
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
    return align_rows(head, rows, right=(2, 3)) if rows else ""


def _uses(uses: Sequence[TableUse]) -> str:
    rows = [
        [
            day(use.time),
            use.digest[:12],
            f"{use.model} {use.version}".strip(),
            use.verdict or "-",
            use.person,
            ", ".join(endpoint["url"].partition("://")[2].partition("/")[0] for endpoint in use.endpoints) or "-",
        ]
        for use in list(reversed(uses))[:_LATEST]
    ]
    return align_rows(("used (UTC)", "digest", "made", "verdict", "by", "endpoints"), rows) if rows else ""
