"""Whether a model's inputs have drifted: each of them tested, with one promise for all tests together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headrace.core.base.errors import InputError
from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.drift.two_samples import (
    NO_EXTRA,
    SampleComparison,
    compare_bins,
    compare_categories,
    compare_ordered,
    compare_shares,
)
from headrace.core.drift.window_variation import WindowVariation

Aspect = Literal["distribution", "missing", "unseen"]
SMALLEST_EFFECT = 0.02
ALPHA = 0.01


@dataclass(frozen=True)
class InputDrift:
    """The comparison of one aspect of an input between two sets of rows.

    Attributes:
        column: Name of the input.
        aspect: ``distribution`` of its values, share of ``missing`` values, or share of categories that are ``unseen``.
        effect: Size of the difference, 0 to 1; see ``SampleComparison``.
        p_value: Probability of a difference this large without drift, in this test alone.
        adjusted_p_value: The same among all tests of the report: the smallest ``alpha`` that calls it drift.
        drifted: Whether the difference is neither chance nor too small to matter.
    """

    column: str
    aspect: Aspect
    effect: float
    p_value: float
    adjusted_p_value: float
    drifted: bool


@dataclass(frozen=True)
class InputComparison:
    """The comparison of one aspect of an input between two sets of rows, by itself.

    Attributes:
        column: Name of the input.
        aspect: As ``InputDrift`` has it.
        comparison: The comparison.
    """

    column: str
    aspect: Aspect
    comparison: SampleComparison


def find_drift(
    reference: InputCounts,
    window: InputCounts,
    *,
    alpha: float = ALPHA,
    smallest_effect: float = SMALLEST_EFFECT,
    variation: WindowVariation | None = None,
) -> tuple[InputDrift, ...]:
    """Test each input for drift.

    The tests are adjusted by Holm's method (1979), which holds whatever depends on what: without drift, the chance of
    any alarm in the whole report is at most ``alpha``. An input drifts only if it has also changed by
    ``smallest_effect``: of a million rows, a test alone notices what nobody cares for.

    Args:
        reference: Counts of the rows that the model was fitted on.
        window: Counts of the rows that it scored, in the same bins.
        alpha: Chance of any false alarm in the report, above 0 and below 1.
        smallest_effect: Least difference that matters, 0 to 1.
        variation: How much windows differ without drift; None to take their rows for independent.

    Returns:
        One entry for each input and aspect, those that drifted first, then by adjusted probability.

    Raises:
        InputError: If the columns or bins differ, or a number is out of range.
    """
    check_promise(alpha, smallest_effect)
    tests = compare_inputs(reference, window, variation=variation)
    adjusted = adjust_probabilities([test.comparison.p_value for test in tests])
    results = [
        InputDrift(
            test.column,
            test.aspect,
            test.comparison.effect,
            test.comparison.p_value,
            probability,
            probability <= alpha and test.comparison.effect >= smallest_effect,
        )
        for test, probability in zip(tests, adjusted, strict=True)
    ]
    return tuple(sorted(results, key=lambda result: (not result.drifted, result.adjusted_p_value, -result.effect)))


def check_promise(alpha: float, smallest_effect: float) -> None:
    """Raise if no test can keep a promise.

    Raises:
        InputError: If ``alpha`` is not above 0 and below 1, or the effect is not from 0 to 1.
    """
    if not 0 < alpha < 1 or not 0 <= smallest_effect <= 1:
        raise InputError(
            f"alpha must be above 0 and below 1, and the smallest effect from 0 to 1; got {alpha:g} and "
            f"{smallest_effect:g}."
        )


def compare_inputs(
    reference: InputCounts, window: InputCounts, *, variation: WindowVariation | None = None
) -> tuple[InputComparison, ...]:
    """Compare each aspect of each input, by itself.

    Args:
        reference: Counts of the rows that the model was fitted on.
        window: Counts of the rows that it scored, in the same bins.
        variation: How much windows differ without drift; None to take their rows for independent.

    Raises:
        InputError: If the columns or bins differ.
    """
    reference + window  # raises where the bins differ
    return tuple(
        InputComparison(first.bins.name, aspect, comparison)
        for first, second in zip(reference.columns, window.columns, strict=True)
        for aspect, comparison in _compare(first, second, variation)
    )


def _compare(
    reference: ColumnCounts, window: ColumnCounts, variation: WindowVariation | None
) -> Iterator[tuple[Aspect, SampleComparison]]:
    """Yield the comparison of each aspect in which the two samples of a column can differ."""
    values, missing, single = NO_EXTRA, NO_EXTRA, NO_EXTRA
    if variation is not None:
        sums = variation.by_column[reference.bins.name]
        values, missing = variation.extra_variance(sums.distribution), variation.extra_variance(sums.missing)
        single = variation.extra_variance(sums.bin)
    if reference.bins.categories:
        yield "distribution", compare_categories(reference.counts[:-1], window.counts[:-1], extra=values)
        if reference.counts[-1] or window.counts[-1]:
            unseen = int(reference.counts[-1]), reference.rows, int(window.counts[-1]), window.rows
            yield "unseen", compare_shares(*unseen)
    else:
        whole = compare_ordered(reference.counts, window.counts, extra=values)
        part = compare_bins(reference.counts, window.counts, extra=single)
        yield "distribution", _combine(whole, part)
    if reference.missing or window.missing:
        absent = reference.missing, reference.rows, window.missing, window.rows
        yield "missing", compare_shares(*absent, extra=missing)


def _combine(first: SampleComparison, second: SampleComparison) -> SampleComparison:
    """Return one comparison for two tests of the same samples (Bonferroni), with the larger effect."""
    return SampleComparison(min(1.0, 2 * min(first.p_value, second.p_value)), max(first.effect, second.effect))


def adjust_probabilities(p_values: Sequence[float]) -> list[float]:
    """Adjust probabilities by Holm's method (1979), in their order."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    ascending = np.minimum(1.0, np.maximum.accumulate(np.array(p_values)[order] * factors))
    adjusted = np.empty(len(p_values))
    adjusted[order] = ascending
    return [float(value) for value in adjusted]
