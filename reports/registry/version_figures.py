"""Metrics over the versions of a model."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes

from headrace.registry.models.state import ModelVersion
from headrace.reports.base.phrases import in_order, less_is_better, metric_name
from headrace.reports.page.matplotlib_svg import COLOURS, SOFT, plot

MOST = 30


def metrics_over_versions(versions: Sequence[ModelVersion]) -> list[tuple[Markup, str]]:
    """Draw one figure for each metric, with a caption: its value with its interval, by version.

    Args:
        versions: Versions in their order; the latest thirty are drawn.
    """
    shown = list(versions)[-MOST:]
    names = in_order(name for version in shown for name in version.facts.get("metrics", {}))
    return [(_figure(name, shown), _caption(name)) for name in names]


def _caption(name: str) -> str:
    return f"{metric_name(name)}{' ↓ less is better' if less_is_better(name) else ''}"


def _figure(name: str, versions: Sequence[ModelVersion]) -> Markup:
    by_version = [version.facts.get("metrics", {}).get(name) for version in versions]
    points = [(place, value) for place, value in enumerate(by_version) if value]

    def draw(axes: Axes) -> None:
        for place, value in points:
            if value.get("low") is not None:
                axes.plot([place, place], [value["low"], value["high"]], color=COLOURS[0], alpha=0.35, linewidth=3)
        axes.plot([place for place, _ in points], [value["value"] for _, value in points], color=SOFT, linewidth=1)
        for place, value in points:
            mark, colour = _mark(versions[place])
            axes.plot(place, value["value"], mark, color=colour)
        axes.set_xticks(range(len(versions)))
        axes.set_xticklabels([version.version for version in versions], rotation=45 if len(versions) > 5 else 0)
        axes.set_xlim(-0.5, len(versions) - 0.5)

    return plot(f"versions-{name}", draw, label=f"{metric_name(name)} by version", size=(4.2, 2.4))


def _mark(version: ModelVersion) -> tuple[str, str]:
    if version.verdict == "reject":
        return "X", COLOURS[1]
    return ("D" if version.stages else "o"), COLOURS[0]
