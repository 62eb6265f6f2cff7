"""Whether a newly trained model is better by at least a margin, where feedback on each prediction comes at once.

A policy that asks this before each retraining needs no planned size: the test may be repeated with every new row.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from headrace.core.base.errors import DataError, InputError
from headrace.core.statistics import confidence_sequence
from headrace.core.statistics.confidence_sequence import TIGHT_AT, MeasureSums
from headrace.core.statistics.metrics import Floats

Answer = Literal["better", "not_better", "undecided"]
FEWEST_ROWS = 100


@dataclass(frozen=True)
class FeedbackComparison:
    """What feedback says of two models.

    Attributes:
        answer: ``better``: surely by more than the margin; ``not_better``: surely not; else ``undecided``.
        sentence: The same in words, with the figures.
        gain: Mean loss of the current model minus that of the new one.
        low: Lower end of its confidence sequence.
        high: Upper end.
        rows: Rows of the new model.
    """

    answer: Answer
    sentence: str
    gain: float
    low: float
    high: float
    rows: int


def compare_feedback(
    new: Floats, current: Floats, *, margin: float, paired: bool, alpha: float = 0.05, tight_at: float = TIGHT_AT
) -> FeedbackComparison:
    """Compare the losses of two models so far; it may be called again whenever rows have come.

    Args:
        new: Losses (n,) of the newly trained model, on rows that it was not fitted on.
        current: Losses (m,) of the model in use; of the same rows in the same order if ``paired``, else of rows that
            were assigned to it at random.
        margin: By how much the new model's mean loss must be lower, at least 0.
        paired: Whether both models predicted the same rows.
        alpha: Probability that a wrong ``better`` or ``not_better`` is ever answered.
        tight_at: Number of rows at which the sequence is narrowest.

    Raises:
        InputError: If the margin is negative, or paired losses are not of the same number.
        DataError: If there are no rows, or a loss is not finite.
    """
    if margin < 0:
        raise InputError(f"the margin must be at least 0; got {margin:g} instead.")
    if paired and len(new) != len(current):
        raise InputError(f"paired losses must be of the same rows; got {len(new):,} and {len(current):,}.")
    if not len(new) or not len(current):
        raise DataError("feedback must have rows of both models; one has none: wait for it.")
    if not (np.isfinite(new).all() and np.isfinite(current).all()):
        raise DataError("losses must be finite; leave out rows without feedback.")
    if paired:
        gains = current - new
        bounds = float(gains.min()), float(gains.max())
        interval = confidence_sequence.mean(_sums(gains), alpha=alpha, bounds=bounds, tight_at=tight_at)
    else:
        bounds = float(min(new.min(), current.min())), float(max(new.max(), current.max()))
        interval = confidence_sequence.difference(
            [(_sums(current), _sums(new))], alpha=alpha, bounds=bounds, tight_at=tight_at / 2
        )
    rows = min(len(new), len(current))
    answer: Answer = "undecided"
    if rows >= FEWEST_ROWS:
        answer = "better" if interval.low > margin else "not_better" if interval.high < margin else "undecided"
    words = {
        "better": f"The new model is better by more than {margin:.3g}",
        "not_better": f"The new model is not better by {margin:.3g}",
        "undecided": f"It is not known whether the new model is better by {margin:.3g}",
    }
    sentence = (
        f"{words[answer]}: its mean loss is lower by {interval.effect:.3g} ({interval.low:.3g} to {interval.high:.3g} "
        f"at any number of looks, {rows:,} rows)."
    )
    return FeedbackComparison(answer, sentence, interval.effect, interval.low, interval.high, len(new))


def _sums(values: Floats) -> MeasureSums:
    return MeasureSums(len(values), float(values.sum()), float(values @ values))
