"""Monitors of drift: each input, all inputs together, and the predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.drift.extra_variance import FEWEST_WINDOWS
from headrace.core.drift.input_counts import ColumnCounts
from headrace.core.drift.input_drift import InputComparison
from headrace.core.drift.joint_drift import JointDrift, JointReference, find_joint_drift, measure_features
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.drift.two_samples import NO_EXTRA, compare_categories, compare_ordered
from headrace.core.drift.window_variation import WindowVariation, choose_variation, measure_variation
from headrace.core.monitors.data.change_sentences import describe_change, describe_duration, percent
from headrace.core.monitors.data.monitor_tests import MonitorTest
from headrace.core.monitors.data.window_counts import WindowCounts

_NEAR = 3.0


@dataclass(frozen=True)
class KnownVariation:
    """What is known of how much windows differ without drift.

    Attributes:
        variation: The sums; None if nothing is known.
        sentence: What is not known, as a sentence; empty if enough is.
    """

    variation: WindowVariation | None
    sentence: str


def know_variation(profile: ReferenceProfile, history: Sequence[WindowCounts], seconds: float) -> KnownVariation:
    """Find out how much windows of a length differ without drift.

    Args:
        profile: The reference profile; its blocks of the nearest length are used.
        history: Earlier windows of the same length, which are held to be without drift; they differ from one another
            only, so that a change that came before all of them adds nothing.
        seconds: Length of the window, in seconds.
    """
    earlier = measure_variation(
        [window.inputs for window in history],
        seconds=max(1, round(seconds)),
        features=measure_features([window.joint for window in history], profile.joint)[0] if profile.joint else (),
        predictions=[window.prediction for window in history if window.prediction.rows],
    )
    if earlier is not None and earlier.blocks >= FEWEST_WINDOWS:
        trained = choose_variation([one for one in profile.variations if _is_near(one, seconds)], seconds)
        return KnownVariation(earlier if trained is None else trained + earlier, "")
    trained = choose_variation([one for one in profile.variations if one.blocks >= FEWEST_WINDOWS], seconds)
    if trained is None:
        return KnownVariation(
            None,
            "How much windows differ by themselves is not known, for the training part has no time column and there "
            f"are fewer than {FEWEST_WINDOWS} earlier windows; rows are taken for independent, which calls a season "
            "drift.",
        )
    if _is_near(trained, seconds):
        return KnownVariation(trained, "")
    return KnownVariation(
        trained,
        f"How much windows of {describe_duration(seconds)} differ by themselves is guessed from blocks of "
        f"{describe_duration(trained.seconds)}.",
    )


def check_input(
    test: InputComparison, reference: ColumnCounts, window: ColumnCounts, *, smallest: float, note: str
) -> MonitorTest:
    """Return the test of an input's distribution.

    Args:
        test: The comparison of the distributions.
        reference: Counts of the training part.
        window: Counts of the window.
        smallest: Least change that matters, 0 to 1.
        note: What is not known of the variation between windows.
    """
    effect = test.comparison.effect
    unit = "share of values that would have to change" if reference.bins.categories else "distance"
    rows = int(window.counts.sum())
    change = describe_change(reference, window) if rows else "it has no values"
    return MonitorTest(
        "input_drift",
        test.column,
        test.comparison.p_value,
        effect >= smallest,
        "violated",
        f"{test.column!r} has changed since training: {change} ({unit} {effect:.2g}).",
        f"{test.column!r} is distributed as in training, as far as {rows:,} values show ({unit} {effect:.2g}).",
        effect,
        bound=smallest,
        rows=rows,
        note=note,
    )


def check_joint(
    reference: JointReference | None,
    window: WindowCounts,
    *,
    variation: WindowVariation | None,
    smallest: float,
    note: str,
) -> MonitorTest | None:
    """Return the test of all inputs together; None if there are fewer than two, or no rows.

    Args:
        reference: Dependence of the inputs in the training part.
        window: The window.
        variation: How much windows differ without drift.
        smallest: Least change that matters, 0 to 1.
        note: What is not known of that.
    """
    drift = find_joint_drift(reference, window.joint, variation=variation) if reference else None
    if reference is None or drift is None:
        return None
    columns, all_columns = len(reference.columns), len(window.inputs.columns)
    scope = "" if columns == all_columns else f" Only the first {columns} of {all_columns} inputs are looked at."
    return MonitorTest(
        "joint_drift",
        "",
        drift.p_value,
        drift.effect >= smallest,
        "violated",
        f"{_describe_joint(drift)}{scope}",
        f"The inputs go together as in training, as far as {window.joint.rows:,} rows show.{scope}",
        drift.effect,
        bound=smallest,
        rows=window.joint.rows,
        note=note,
    )


def check_predictions(
    outputs: OutputProfile, window: WindowCounts, *, variation: WindowVariation | None, smallest: float, note: str
) -> MonitorTest | None:
    """Return the test of the predictions, whose reference is the test part; None without predictions.

    Args:
        outputs: Predictions for the test part.
        window: The window.
        variation: How much windows differ without drift.
        smallest: Least change that matters, 0 to 1.
        note: What is not known of that.
    """
    reference, counts = ColumnCounts.of_record(outputs.prediction), window.prediction
    if not counts.rows or not reference.rows:
        return None
    extra = (
        NO_EXTRA
        if variation is None or variation.prediction is None
        else variation.extra_variance(variation.prediction)
    )
    comparisons = [(compare_ordered(reference.counts, counts.counts, extra=extra), reference, counts)]
    if outputs.labels is not None and window.labels is not None:
        labels = ColumnCounts.of_record(outputs.labels)
        # A class varies between windows as the score does that it follows from.
        comparison = compare_categories(labels.counts, window.labels.counts, extra=extra)
        comparisons.append((comparison, labels, window.labels))
    comparison, before, now = min(comparisons, key=lambda one: one[0].p_value)
    what = "labels" if before.bins.categories else "predictions"
    change = describe_change(before, now)
    unknown = "" if extra.windows else "How much predictions vary between windows is not known."
    return MonitorTest(
        "prediction_drift",
        "",
        min(1.0, len(comparisons) * comparison.p_value),
        comparison.effect >= smallest,
        "violated",
        f"The {what} differ from those for the test part: {change} (distance {comparison.effect:.2g}).",
        f"The predictions are distributed as for the test part, as far as {counts.rows} of them show.",
        comparison.effect,
        bound=smallest,
        rows=counts.rows,
        note=note or unknown,
    )


def _is_near(variation: WindowVariation, seconds: float) -> bool:
    """Check whether blocks are of about the length of a window, within a factor of three."""
    return seconds / _NEAR <= variation.seconds <= seconds * _NEAR


def _describe_joint(drift: JointDrift) -> str:
    first, second = drift.pair
    before, now = drift.correlations
    pair = f"{first!r} and {second!r}, whose scores correlated by {before:.2g} in training and do by {now:.2g} now"
    if drift.part == "pair":
        return f"Two inputs no longer go together as in training: {pair}."
    what = (
        "Many inputs have moved a little" if drift.part == "scores" else "Many pairs of inputs go together differently"
    )
    apart = percent(0.5 + drift.effect / 2)
    return (
        f"{what}: along that difference a row of the window ranks above one of training in {apart} of pairs; most "
        f"changed are {pair}."
    )
