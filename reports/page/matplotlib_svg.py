"""Matplotlib figures as compact inline SVG that follows the page's colours, or as PNG where SVG would be large.

Texts stay text: the reader's browser draws them with the page's font, at a size that fits a phone. Colours are those of
Okabe and Ito's palette, which colour-blind readers can tell apart; in SVG they become the page's variables, so that the
figures follow a dark page and a printed one. Equal figures give equal bytes.
"""

import base64
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, SOFT, GRID = "#1f2328", "#59636e", "#e4e7eb"
COLOURS = ("#0072b2", "#c65300", "#00855f", "#b0568a", "#b07a00", "#3f9bd1", "#6b7280")
SHADES = ("#c3d0dc", "#9fb8cf", "#6f9cc3", "#3b78ad", "#0b4f8a")
BAD, PAPER = "#b3261e", "#fffffe"
MARKS = ("o", "s", "^", "D", "v", "P", "X")
LARGEST_SVG = 60_000
_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
}
_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    GRID: "var(--grid)",
    BAD: "var(--bad)",
    PAPER: "var(--paper)",
    **{colour: f"var(--c{place})" for place, colour in enumerate(COLOURS, start=1)},
    **{colour: f"var(--s{place})" for place, colour in enumerate(SHADES, start=1)},
}


def plot(name: str, draw: Callable[[Axes], Any], *, label: str, size: tuple[float, float] = (4.2, 3.1)) -> Markup:
    """Draw a figure of one pair of axes.

    Args:
        name: Short name, different for each figure of a page: its parts are named after it.
        draw: Draws into the axes.
        label: Description of the figure for screen readers.
        size: Width and height in inches; 4.2 wide fits a phone.

    Returns:
        An ``<svg>`` element, or an ``<img>`` with the figure in its address.
    """
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():
        # A glyph that matplotlib's font lacks is drawn by the browser's.
        warnings.filterwarnings("ignore", message=r"Glyph \d+", category=UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        text = _save_figure(figure, "svg").decode()
        if len(text) > 4 * LARGEST_SVG or len(svg := _compact(text, label)) > LARGEST_SVG:
            return _picture(_save_figure(figure, "png"), label)
    return Markup(svg)  # noqa: S704 - matplotlib escapes its texts


def _save_figure(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "svg":
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    else:
        figure.savefig(stream, format="png", dpi=200, metadata={"Software": None})
    return stream.getvalue()


def _picture(png: bytes, label: str) -> Markup:
    data = base64.b64encode(png).decode()
    return Markup(f'<img alt="{escape(label)}" src="data:image/png;base64,{data}">')  # noqa: S704


def _compact(text: str, label: str) -> str:
    """Strip matplotlib's SVG of its document parts, shorten its numbers, use the page's colours and font."""
    body = text[text.index("<svg") :]
    for part in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<defs>\s*<style.*?</style>\s*</defs>"):
        body = re.sub(part, "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r"<[^>]+>", lambda tag: _short(tag[0], used), body)
    box = re.search(r'viewBox="([^"]+)"', body)
    head = f'<svg viewBox="{box[1] if box else ""}" role="img" aria-label="{escape(label)}">'
    body = head + body[body.index(">") + 1 :]
    return re.sub(r">\s+<", "><", re.sub(r"<g/>", "", body)).strip()


def _short(tag: str, used: set[str]) -> str:
    """Shorten one tag: drop ids that nothing refers to, fonts and needless digits."""
    tag = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", tag)
    tag = re.sub(r" font-family: [^;\"]+;|rotate\(-0 [^)]*\)| transform=\"\"", "", tag.replace("\n", " "))
    tag = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, variable)
    return tag
