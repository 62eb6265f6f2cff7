"""The page of an A/B test: what may be concluded, in words first, then the figures."""

from importlib.metadata import version
from pathlib import Path

from headrace.core.ab_tests.result import ABTestResult
from headrace.core.ab_tests.sample_size import metric_alpha
from headrace.core.base.files import write_text
from headrace.reports.ab_test.figures import draw_effect, draw_sequence
from headrace.reports.page.page import render as fill

_STYLES = {
    "better": "good",
    "kept": "good",
    "worse": "bad",
    "violated": "bad",
    "stop": "bad",
    "invalid": "bad",
    "equivalent": "none",
    "undecided": "warn",
}


def render(result: ABTestResult) -> str:
    """Render the page.

    Args:
        result: The result of the test.

    Returns:
        A self-contained HTML page without scripts; every text of the test is escaped.
    """
    planned = {metric.name: metric for metric in result.plan.metrics}
    metrics = [
        {
            "effect": effect,
            "planned": planned[effect.name],
            "alpha": metric_alpha(result.plan, planned[effect.name]),
            "figure": draw_effect(effect, planned[effect.name], number=number, is_final=result.is_final),
            "sequence": draw_sequence(effect, planned[effect.name], number=number),
        }
        for number, effect in enumerate(result.metrics, start=1)
    ]
    return fill(
        "ab_test.html",
        result=result,
        plan=result.plan,
        metrics=metrics,
        styles_of=_STYLES,
        has_time=any(one["sequence"] for one in metrics),
        version=version("headrace"),
    )


def write(page: Path, result: ABTestResult) -> None:
    """Write the page.

    Args:
        page: The HTML file to write.
        result: The result of the test.

    Raises:
        InputError: If it cannot be written.
    """
    write_text(page, render(result))
