"""The checks of a table as one small self-contained HTML page."""

from collections.abc import Mapping, Sequence
from html import escape

from headrace.core.validation.data_checks import BrokenRule, CheckedColumn, DataChecks

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:1.5rem auto;padding:0 1rem;color:#1b2733}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d5dde5;
vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}
.stop{color:#a11212;font-weight:600}.quarantine{color:#8a5a00;font-weight:600}.warn{color:#4a5a6a}
"""
_MOST_COLUMNS = 200


def checks_page(checks: DataChecks, *, title: str) -> str:
    """Render the checks.

    Args:
        checks: The checks.
        title: Heading of the page.

    Returns:
        An HTML document that needs no other file.
    """
    rows = checks.rows
    summary = f"{rows.read:,} rows were read: {rows.valid:,} are valid, {rows.quarantined:,} were set aside."
    parts = [
        f"<h1>{escape(title)}</h1><p>{summary}</p>",
        _rules(checks.rules),
        _classes(checks.class_balance),
        _columns(checks.columns, rows.read),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _rules(rules: Sequence[BrokenRule]) -> str:
    if not rules:
        return "<h2>Rules</h2><p>No rule is broken.</p>"
    rows = [
        f'<tr><td class="{escape(item.severity)}">{escape(item.severity)}</td><td>{escape(item.rule)}</td>'
        f'<td class="n">{item.count:,}</td><td>{escape(item.message)}</td></tr>'
        for item in rules[:_MOST_COLUMNS]
    ]
    return f"<h2>Rules</h2>{_table(('severity', 'rule', 'count', 'what was found'), rows)}{_more(len(rules))}"


def _classes(balance: Mapping[str, int]) -> str:
    if not balance:
        return ""
    total = max(sum(balance.values()), 1)
    rows = [
        f'<tr><td>{escape(name)}</td><td class="n">{count:,}</td><td class="n">{count / total:.1%}</td></tr>'
        for name, count in balance.items()
    ]
    return f"<h2>Classes of the target</h2>{_table(('class', 'rows', 'share'), rows)}"


def _columns(columns: Mapping[str, CheckedColumn], read: int) -> str:
    rows = [
        f"<tr><td>{escape(name)}</td><td>{escape(column.dtype)}</td><td>{escape(column.role)}</td>"
        f'<td class="n">{column.missing:,}</td><td class="n">{column.missing / max(read, 1):.1%}</td></tr>'
        for name, column in list(columns.items())[:_MOST_COLUMNS]
    ]
    return f"<h2>Columns</h2>{_table(('column', 'dtype', 'role', 'missing', 'share'), rows)}{_more(len(columns))}"


def _more(count: int) -> str:
    return f"<p>{count - _MOST_COLUMNS:,} more are in the checks artifact.</p>" if count > _MOST_COLUMNS else ""
