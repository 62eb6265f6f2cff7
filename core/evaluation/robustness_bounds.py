"""Bounds of the robustness: names beside those of the metrics, and the measured values that they are about."""

from collections.abc import Mapping

from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.robustness.robustness_document import GATE_CHANGE, GATE_NOISE
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER

FLIP_SHARE = "flip_share"
"""Share of the rows whose decision a change of at most ``GATE_CHANGE`` of each column's range flips."""
UNDER_NOISE = "_under_noise"
"""Ending of a metric's name for its value under noise of the level ``GATE_NOISE``."""

BOUNDED: Mapping[str, bool] = {
    **HIGHER_IS_BETTER,
    FLIP_SHARE: False,
    **{f"{name}{UNDER_NOISE}": higher for name, higher in HIGHER_IS_BETTER.items()},
}
"""Whether more is better, by the name of each value that a bound may be of."""


def list_bounded(document: Evaluation) -> dict[str, Interval]:
    """Return each measured value that a bound may be of, by its name."""
    values = dict(document.metrics)
    measured = document.robustness
    if measured is None:
        return values
    share = measured.small_changes.share_within(GATE_CHANGE) if measured.small_changes else None
    noisy = next((point.metrics for point in measured.noise if point.level == GATE_NOISE), {})
    values |= {f"{name}{UNDER_NOISE}": interval for name, interval in noisy.items()}
    return values | ({FLIP_SHARE: share} if share else {})


def tell_unmeasured(name: str, document: Evaluation) -> str:
    """Return why a value is absent from an evaluation, to follow "but"."""
    if name in HIGHER_IS_BETTER:
        return "these test rows do not define it"
    if document.task == "anomaly":
        return "it was not measured: the robustness of a task anomaly is not"
    measured = document.robustness
    if measured and measured.noise and name != FLIP_SHARE:
        return f"it was not measured: under noise there are {', '.join(sorted(measured.noise[0].metrics))}"
    return "it was not measured: it needs the robustness, and columns of numbers that vary"
