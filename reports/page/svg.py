"""Small pictures drawn as SVG or styles without a library: they have no text, so they stretch with the page."""

from collections.abc import Sequence
from math import isfinite

from markupsafe import Markup, escape

from headrace.reports.base.table_facts import ValueGroup

HEIGHT = 56
WIDTH = 240


def _svg(body: str, label: str, height: int = HEIGHT) -> Markup:
    return Markup(  # noqa: S704 - the body is made of numbers, the label is escaped
        f'<svg viewBox="0 0 {WIDTH} {height}" height="{height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _rect(left: float, top: float, wide: float, high: float, style: str) -> str:
    x, y, w, h = map(_number, (left, top, wide, high))
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" class="{style}"/>'


def histogram(rows: Sequence[int], *, label: str) -> Markup:
    """Draw bars of counts; a bin with any row is at least one pixel high.

    Args:
        rows: Count by bin.
        label: What it shows, for people who cannot see it.
    """
    tallest, wide = max(max(rows, default=0), 1), WIDTH / max(1, len(rows))
    heights = [max(1.0, HEIGHT * n / tallest) if n else 0.0 for n in rows]
    bars = [_rect(i * wide, HEIGHT - h, wide - 0.6, h, "bar") for i, h in enumerate(heights) if h]
    return _svg("".join(bars), label)


def target_columns(groups: Sequence[ValueGroup], *, overall: Sequence[float], shares: bool, label: str) -> Markup:
    """Draw the target by group, one column each; a dashed line marks the overall value of a single part.

    Args:
        groups: Groups in order, each with the target's parts.
        overall: Mean of each part over all rows.
        shares: Whether the parts are shares, stacked up to 1; else means, drawn from the least or 0 to the largest.
        label: What it shows, for people who cannot see it.
    """
    values = [value for group in groups for value in group.target if isfinite(value)]
    low = 0.0 if shares else min(0.0, *values, *overall)
    high = 1.0 if shares else max(0.0, *values, *overall)
    scale, wide = HEIGHT / ((high - low) or 1.0), WIDTH / max(1, len(groups))
    body = []
    for i, group in enumerate(groups):
        base = -low * scale
        for part, value in enumerate(group.target, start=1):
            if isfinite(value):
                ends = sorted((base, base + value * scale))
                body.append(_rect(i * wide, HEIGHT - ends[1], wide - 2, ends[1] - ends[0], f"p{part}"))
                base += value * scale
    if len(overall) == 1:
        y = _number(HEIGHT - (overall[0] - low) * scale)
        body.append(f'<path d="M0 {y}H{WIDTH}" class="mean" vector-effect="non-scaling-stroke"/>')
    return _svg("".join(body), label)


def missing_strip(blocks: Sequence[float], *, label: str) -> Markup:
    """Draw where values are missing: one field by block of rows, darker for more (by the root of the share).

    Args:
        blocks: Share of missing values by block, 0 to 1.
        label: What it shows, for people who cannot see it.
    """
    wide = WIDTH / max(1, len(blocks))
    body = [_rect(0, 0, WIDTH, 12, "rest")]
    for i, share in enumerate(blocks):
        if share:
            opacity = f'style="opacity:{max(0.1, share**0.5):.2f}" '
            body.append(_rect(i * wide, 0, wide, 12, "p1").replace("<rect ", f"<rect {opacity}"))
    return _svg("".join(body), label, 12)


def dots(values: Sequence[float], *, ends: tuple[float, float], mark: float, label: str) -> Markup:
    """Draw numbers as dots on a line, with a stroke at one of them; those beyond the ends are put at the ends.

    Args:
        values: The numbers.
        ends: Ends of the line.
        mark: Where the stroke is.
        label: What it shows, for people who cannot see it.
    """
    wide, high, margin = 110, 14, 4
    scale = (wide - 2 * margin) / ((ends[1] - ends[0]) or 1.0)

    def place(value: float) -> str:
        return _number(margin + (min(max(value, ends[0]), ends[1]) - ends[0]) * scale)

    body = [f'<path d="M0 {high / 2:g}H{wide}" class="axis"/>']
    body += [f'<circle cx="{place(value)}" cy="{high / 2:g}" r="2.6" class="p1"/>' for value in values]
    body.append(f'<path d="M{place(mark)} 1V{high - 1}" class="stroke"/>')
    return Markup(  # noqa: S704 - the body is made of numbers, the label is escaped
        f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" aria-label="{escape(label)}">'
        f"{''.join(body)}</svg>"
    )


def shade(value: float) -> str:
    """Return the style of a heat map's cell: blue above 0, orange below, stronger for larger values, none for NaN."""
    if not isfinite(value):
        return ""
    colour = "0,114,178" if value >= 0 else "213,94,0"
    return f"background:rgba({colour},{min(1.0, abs(value)) * 0.75:.2f})"


def cell(value: float) -> str:
    """Return the text of a heat map's cell: two decimals without the leading zero."""
    if not isfinite(value):
        return ""
    text = f"{value:.2f}"
    return text if abs(value) >= 0.995 else text.replace("0.", ".").replace("-", "\N{MINUS SIGN}")
