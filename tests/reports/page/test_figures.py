"""Figures drawn by matplotlib."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from markupsafe import Markup
from matplotlib.axes import Axes

from headrace.reports.page import figures, matplotlib_svg, page
from headrace.reports.search import figures as search_figures
from headrace.reports.search.parallel_coordinates import parallel
from headrace.reports.search.space import FamilySpace
from tests.reports.searches import searched

MEASURED = [
    figures.MetricWithBaseline(metric="roc_auc", name="ROC AUC", value=0.9, low=0.8, high=0.95, baseline=0.5),
    figures.MetricWithBaseline(metric="f1", name="F1", value=0.7),
]
SEARCH = searched([0.1 * i if i != 2 else None for i in range(9)])
SPACE = FamilySpace.of(SEARCH.trials)
POINTS = [(0.0, 0.0), (0.3, 0.8), (1.0, 1.0)]
DRAWN: dict[str, Callable[[], Markup]] = {
    "roc": lambda: figures.roc(POINTS, chosen=(0.3, 0.8)),
    "precision_recall": lambda: figures.precision_recall(POINTS, chosen=None, share=0.4),
    "calibration": lambda: figures.calibration([(0.1, 0.2, 30), (0.9, 0.8, 10)]),
    "forest": lambda: figures.forest(MEASURED, name="forest", unit=True),
    "progress": lambda: (search_figures.progress(SEARCH) or (Markup(),))[0],
    "parallel": lambda: parallel(SPACE, SEARCH, name="parallel") or Markup(),
    "predicted_actual": lambda: figures.predicted_actual([(1e6, 2e6), (3e6, 2.5e6)]),
    "residuals": lambda: figures.residuals([(1.0, -0.5), (2.0, 0.5)]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_figures_are_compact_and_the_same_each_time(name: str) -> None:
    """A figure is one small SVG of equal bytes, without addresses, scripts, fonts or colours of its own."""
    svg = DRAWN[name]()
    assert svg == DRAWN[name]()
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    assert len(svg) < 20_000
    for part in ("http", "<script", "DejaVu", "#0072b2", "<style", "<metadata"):
        assert part not in svg
    assert "var(--ink)" in svg or "var(--soft)" in svg


def test_texts_of_a_figure_are_escaped_and_taken_as_they_are() -> None:
    """A name with markup, formulas or emoji is drawn as text, and without a warning."""

    def draw(axes: Axes) -> None:
        axes.set_xlabel("<script>$x^2$ \U0001f600 & 1.23456789 #1f2328")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = matplotlib_svg.plot("evil", draw, label='a "label" <b>')
    assert "&lt;script&gt;$x^2$ \U0001f600 &amp; 1.23456789 #1f2328" in svg
    assert 'aria-label="a &#34;label&#34; &lt;b&gt;"' in svg


def test_a_figure_that_would_be_large_becomes_a_picture() -> None:
    """Thousands of points are sent as pixels, the same each time."""

    def draw(axes: Axes) -> None:
        axes.scatter(range(5000), [(i * i) % 997 for i in range(5000)])

    picture = matplotlib_svg.plot("cloud", draw, label="many points")
    assert picture.startswith('<img alt="many points" src="data:image/png;base64,')
    assert picture == matplotlib_svg.plot("cloud", draw, label="many points")
    assert len(picture) < 200_000


def test_a_figure_has_the_width_of_its_place() -> None:
    """Thumbnails of pictures are small by a rule of their own."""
    css = (Path(page.__file__).parents[1] / "templates" / "page.css").read_text()
    rules = [line for line in css.splitlines() if "figure.plot >" in line.split("{")[0]]
    assert "figure.plot > svg, figure.plot > img { width: 100%;" in rules[0]
    assert not any("height: 3rem" in rule for rule in rules)
