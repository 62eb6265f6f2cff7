"""The benchmark's tables as Markdown, for the documentation."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from truth_cells import Cell
from truth_peers import AUTOGLUON, SCIKIT_LEARN
from truth_summary import Figures

OURS = "headrace"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

Results = Mapping[str, Mapping[str, Any]]
"""By name of the cell: figures by side, ``faults`` and ``seconds``."""


def page(cells: Sequence[Cell], results: Results, *, command: str) -> str:
    """All tables.

    Args:
        cells: The cells, in order.
        results: What was found.
        command: How the figures were made.
    """
    known = [cell for cell in cells if cell.name in results]
    within = sum(not results[cell.name]["faults"] for cell in known)
    parts = [
        f"`{command}`: {within} of {len(known)} cells within their bounds.",
        "### The main metric, the gate and the test part",
        _table(_estimates(known, results)),
        "### Every metric: mean error, and coverage of its interval in %",
        _table(_metrics(known, results)),
        "### Calibration, and what the threshold costs",
        _table(_costs(known, results)),
        "### The search",
        _table(_searches(known, results)),
        "### Where it falls short",
        "\n".join(f"- {cell.name}: {'; '.join(results[cell.name]['faults'])}." for cell in known
                  if results[cell.name]["faults"]) or "Nowhere.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def written(path: Path, text: str) -> None:
    """Put the generated part into a page, between its markers; or make the whole file of it."""
    before, after = "", ""
    if path.exists() and BEGIN in (known := path.read_text()) and END in known:
        before, after = known[: known.index(BEGIN)], known[known.index(END) + len(END) :]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}" if before or after else text)


def _table(rows: Iterator[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _main(cell: Cell, found: Figures | None) -> list[str]:
    """Mean error, coverage and share promoted of one side."""
    if not found or not found.get("metrics", {}).get(cell.main, {}).get("defined"):
        return ["", "", ""]
    one = found["metrics"][cell.main]
    return [f"{one['error']:+.3f} ± {one['se']:.3f}", f"{one['covered']:.0%}", f"{found['promoted']:.0%}"]


def _estimates(cells: Sequence[Cell], results: Results) -> Iterator[Sequence[str]]:
    sides = (OURS, SCIKIT_LEARN, AUTOGLUON)
    titles = [f"{side}: {what}" for side in sides for what in ("error", "covered", "promoted")]
    yield ["cell", "metric", "truth", "test part, % (least to most)", "refused", *titles, "within bounds"]
    for cell in cells:
        found = results[cell.name]
        ours = found[OURS]
        truth = ours.get("metrics", {}).get(cell.main, {}).get("truth")
        share = ours.get("share")
        yield [
            cell.name,
            cell.main,
            "" if truth is None else f"{truth:.3f}",
            "" if share is None else f"{100 * share[0]:.1f} ({100 * share[1]:.1f} to {100 * share[2]:.1f})",
            str(ours["refused"] or ""),
            *(text for side in sides for text in _main(cell, found.get(side))),
            "no" if found["faults"] else "yes",
        ]


def _metrics(cells: Sequence[Cell], results: Results) -> Iterator[Sequence[str]]:
    names = list(dict.fromkeys(name for cell in cells for name in results[cell.name][OURS].get("metrics", {})))
    yield ["cell", *names]
    for cell in cells:
        known = results[cell.name][OURS].get("metrics", {})
        yield [cell.name, *(_cell(known.get(name)) for name in names)]


def _cell(one: Figures | None) -> str:
    return f"{one['error']:+.3f}, {100 * one['covered']:.0f}" if one and one["defined"] else ""


def _costs(cells: Sequence[Cell], results: Results) -> Iterator[Sequence[str]]:
    ratios = ("1:1", "1:5")
    titles = [f"costs {ratio}: {what}" for ratio in ratios for what in ("chosen", "at 0.5", "best")]
    yield ["cell", "mean predicted minus mean actual", "expected calibration error", *titles]
    for cell in cells:
        ours = results[cell.name][OURS]
        if "calibration" not in ours:
            continue
        gap, se = ours["calibration"]
        error = "" if cell.table.task == "regression" else f"{ours['ece']:.3f}"
        costs = [ours["costs"].get(ratio) for ratio in ratios]
        each = [f"{one[key]:.4f}" if one else "" for one in costs for key in ("chosen", "half", "best")]
        yield [cell.name, f"{gap:+.3f} ± {se:.3f}", error, *each]


def _searches(cells: Sequence[Cell], results: Results) -> Iterator[Sequence[str]]:
    yield ["cell", "metric", "optimism of the best score", "optimism of nested cross-validation", "its interval holds"]
    for cell in cells:
        found = results[cell.name][OURS].get("search")
        if found:
            best, outer = (found[name] for name in ("optimism", "nested_optimism"))
            yield [
                cell.name,
                cell.main,
                f"{best[0]:+.3f} ± {best[1]:.3f}",
                f"{outer[0]:+.3f} ± {outer[1]:.3f}",
                f"{found['nested_covered']:.0%} of {found['nested_defined']}",
            ]
