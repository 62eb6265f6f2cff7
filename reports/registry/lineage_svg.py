"""A lineage drawn as SVG: from left to right for a wide page, from top to bottom for a phone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from headrace.registry.lineage.graph import KINDS, LineageGraph, LineageNode
from headrace.reports.base.number_format import shorten

WIDE, HIGH = 214, 64
_GAP, _BETWEEN = 56, 14
_HEADS = {"data": "Data", "run": "Runs", "model": "Models", "endpoint": "Endpoints"}
_TITLE_LETTERS, _LINE_LETTERS = 26, 32


@dataclass(frozen=True)
class _Box:
    node: LineageNode
    x: float
    y: float


def drawing(graph: LineageGraph) -> Markup:
    """Draw the lineage in both directions; the page's styles show the one that fits.

    Args:
        graph: The lineage.
    """
    return _svg(graph, across=True) + _svg(graph, across=False)


def _svg(graph: LineageGraph, *, across: bool) -> Markup:
    layers = _order_nodes(graph)
    boxes: dict[str, _Box] = {}
    for place, layer in enumerate(layers):
        for number, node in enumerate(layer):
            along, beside = place * (WIDE + _GAP), number * (HIGH + _BETWEEN) + 26
            if not across:
                along, beside = number * (WIDE + _BETWEEN), place * (HIGH + _GAP)
            boxes[node.id] = _Box(node, along, beside)
    width = max((box.x for box in boxes.values()), default=0) + WIDE
    height = max((box.y for box in boxes.values()), default=0) + HIGH
    parts = [_edge(boxes[first], boxes[second], across=across) for first, second in graph.edges]
    parts += [_box(box) for box in boxes.values()]
    if across:
        parts += [
            f'<text x="{place * (WIDE + _GAP)}" y="14" class="head">{_HEADS[layer[0].kind]}</text>'
            for place, layer in enumerate(layers)
        ]
    label = escape(f"Lineage: {', '.join(f'{len(layer)} {_HEADS[layer[0].kind].lower()}' for layer in layers)}")
    style = "across" if across else "down"
    return Markup(  # noqa: S704 - every text was escaped
        f'<div class="scroll lineage {style}"><svg viewBox="-2 -2 {width + 4} {height + 4}" width="{width + 4}" '
        f'height="{height + 4}" role="img" aria-label="{label}">{"".join(parts)}</svg></div>'
    )


def _order_nodes(graph: LineageGraph) -> list[list[LineageNode]]:
    """Order the nodes of each kind by the positions of their origins, so that few lines cross."""
    layers: list[list[LineageNode]] = []
    places: dict[str, float] = {}
    for kind in KINDS:
        layer = sorted(graph.of(kind), key=lambda node: _origin(node, graph, places))
        places.update((node.id, float(place)) for place, node in enumerate(layer))
        layers += [layer] if layer else []
    return layers


def _origin(node: LineageNode, graph: LineageGraph, places: Mapping[str, float]) -> float:
    origins = [places[first] for first, second in graph.edges if second == node.id and first in places]
    return sum(origins) / len(origins) if origins else 0.0


def _edge(first: _Box, second: _Box, *, across: bool) -> str:
    if across:
        x, y, to_x, to_y = first.x + WIDE, first.y + HIGH / 2, second.x, second.y + HIGH / 2
        bend = f"{(x + to_x) / 2:.0f} {y:.0f} {(x + to_x) / 2:.0f} {to_y:.0f}"
    else:
        x, y, to_x, to_y = first.x + WIDE / 2, first.y + HIGH, second.x + WIDE / 2, second.y
        bend = f"{x:.0f} {(y + to_y) / 2:.0f} {to_x:.0f} {(y + to_y) / 2:.0f}"
    return f'<path d="M{x:.0f} {y:.0f}C{bend} {to_x:.0f} {to_y:.0f}" class="edge"/>'


def _box(box: _Box) -> str:
    node, x = box.node, box.x + 12
    style = f"box {node.kind}" + (f" is-{node.style}" if node.style else "")
    lines = [_text(x, box.y + 20, shorten(node.title, _TITLE_LETTERS), "title")]
    lines += _lines(node.lines, x, box.y)
    size = f'x="{box.x:.0f}" y="{box.y:.0f}" width="{WIDE}" height="{HIGH}" rx="6"'
    return f'<g><title>{escape(node.title)}</title><rect {size} class="{style}"/>{"".join(lines)}</g>'


def _lines(lines: Sequence[str], x: float, y: float) -> list[str]:
    return [_text(x, y + 37 + 16 * place, shorten(line, _LINE_LETTERS), "line") for place, line in enumerate(lines[:2])]


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{style}">{escape(text)}</text>'
