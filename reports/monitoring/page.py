"""A model in use on one self-contained page."""

from importlib.metadata import version
from pathlib import Path

from headrace.core.base.errors import InputError
from headrace.core.base.files import write_text
from headrace.core.monitors.reports.monitor_kinds import LEVELS
from headrace.reports.monitoring import phrases
from headrace.reports.monitoring.heat_map import draw_heat_map
from headrace.reports.monitoring.history import ModelInUse
from headrace.reports.monitoring.monitor_figures import draw_level
from headrace.reports.monitoring.performance_figures import draw_performance
from headrace.reports.monitoring.shadow_table import tabulate_shadows
from headrace.reports.page.page import render as fill


def render(history: ModelInUse) -> str:
    """Render the page.

    Args:
        history: The model in use, with at least one report.

    Returns:
        A self-contained HTML page without scripts; every text is escaped.

    Raises:
        InputError: If there is no report.
    """
    if not history.reports:
        raise InputError(
            f"the page of {history.name} needs at least one monitored window; there is none: run headrace monitor."
        )
    latest = history.reports[-1]
    style, lead, sentences = phrases.describe_state(latest)
    return fill(
        "monitor.html",
        history=history,
        latest=latest,
        style=style,
        lead=lead,
        sentences=sentences,
        sections=[
            ("decisions", "What was decided"),
            ("performance", "How good it is"),
            *([("shadows", "Shadows")] if latest.shadows else []),
            ("columns", "Columns by windows"),
            ("worst", "Then and now"),
            ("servers", "How it serves"),
            ("results", "All monitors"),
        ],
        scope=phrases.describe_scope(history),
        promise=phrases.describe_promise(latest),
        performance=draw_performance(history),
        shadows=tabulate_shadows(latest),
        heat=draw_heat_map(history.reports),
        drawn={level: draw_level(history, level) for level in LEVELS},
        levels=phrases.results_by_level(latest),
        words=phrases,
        version=version("headrace"),
    )


def write(page: Path, history: ModelInUse) -> None:
    """Write the page.

    Args:
        page: The HTML file to write.
        history: The model in use.

    Raises:
        InputError: If there is no report, or the file cannot be written.
    """
    write_text(page, render(history))
