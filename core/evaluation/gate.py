"""The gate: whether a model may take over, by bounds, by the baseline, and by the champion on the same test rows.

A candidate without a champion is judged by the evaluation alone: no model is loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import write_json
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.robustness_bounds import (
    BOUNDED,
    FLIP_SHARE,
    UNDER_NOISE,
    list_bounded,
    tell_unmeasured,
)
from headrace.core.evaluation.verdict import Decision, GateComparison, GateVerdict
from headrace.core.robustness.robustness_document import FlipComparison
from headrace.core.statistics.measures import Interval, ModelComparison
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER, main_metric
from headrace.core.statistics.sample_sizes import FEWEST_CLUSTERS, FEWEST_OF_A_CLASS, FEWEST_ROWS
from headrace.core.validation.data_checks import DataChecks

VerdictUse = Literal["serve", "publish", "keep"]


def choose_use(verdict: Decision, *, publish: bool, serve: bool, serve_held: bool = True) -> VerdictUse:
    """Return what to do with a candidate.

    Args:
        verdict: The gate's verdict.
        publish: Whether to publish a candidate that is not rejected.
        serve: Whether to serve a candidate that is published.
        serve_held: Whether to serve one that is held, too.
    """
    if verdict == "reject" or not publish:
        return "keep"
    return "serve" if serve and (serve_held or verdict == "promote") else "publish"


@dataclass(frozen=True)
class MetricBounds:
    """Lowest allowed values of metrics, or highest where less is better.

    Attributes:
        values: Bound by name of the metric, or of what ``robustness_bounds.BOUNDED`` has beside metrics.
    """

    values: Mapping[str, float]

    def __post_init__(self) -> None:
        """Raise if a name is not a metric, or a bound is not a number.

        Raises:
            InputError: If a name or a bound is invalid.
        """
        unknown = sorted(set(self.values) - set(BOUNDED))
        if unknown:
            raise InputError(
                f"a bound must be of a metric, one of {sorted(HIGHER_IS_BETTER)}, of {FLIP_SHARE}, or of a metric "
                f"under noise, such as roc_auc{UNDER_NOISE}; got {quote(unknown)} instead."
            )
        for name, value in self.values.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
                raise InputError(f"the bound of {name} must be a number; got {quote(value)} instead.")

    def list_missed(self, document: Evaluation) -> list[str]:
        """Return one sentence for each bound that what an evaluation measured does not meet."""
        metrics = list_bounded(document)
        return [
            sentence
            for name, value in sorted(self.values.items())
            if (sentence := _miss(name, value, metrics.get(name), document))
        ]


def _miss(name: str, bound: float, metric: Interval | None, document: Evaluation) -> str:
    least = "least" if BOUNDED[name] else "most"
    if metric is None:
        return f"{name} must be at {least} {bound:g}, but {tell_unmeasured(name, document)}."
    met = metric.value >= bound if BOUNDED[name] else metric.value <= bound
    return "" if met else f"{name} is {metric.value:.4g}, but must be at {least} {bound:g}."


@dataclass(frozen=True)
class GateInputs:
    """Locations of the candidate, its test rows and the champion.

    Attributes:
        model: The candidate's folder.
        test_table: Folder of the test rows without the target.
        test_actuals: Folder of their target.
        champion: The champion's folder (a model's or a bundle's); None for no champion.
        checks: File of ``validate``'s checks of the table; None if there are none.
    """

    model: Path
    test_table: Path
    test_actuals: Path
    champion: Path | None = None
    checks: Path | None = None


def write_verdict(
    evaluation: Path, *, inputs: GateInputs, metric_bounds: MetricBounds, verdict: Path, seed: int = 0
) -> GateVerdict:
    """Judge a candidate and write the verdict.

    Args:
        evaluation: The evaluation's file.
        inputs: Candidate, test rows and champion.
        metric_bounds: Bounds of the metrics.
        verdict: File to write.
        seed: Seed of the bootstrap.

    Returns:
        The verdict as written.

    Raises:
        InputError: If the evaluation is another document, or the champion cannot predict the test rows.
    """
    document = Evaluation.read(evaluation)
    flips = None
    if inputs.champion is None:
        against, comparison = "baseline", document.baseline.comparison
    else:
        # Only a champion needs models to be loaded, and with them scikit-learn.
        from headrace.core.evaluation.champion import compare  # noqa: PLC0415

        against = "champion"
        comparison, flips = compare(
            inputs.model,
            inputs.champion,
            test_table=inputs.test_table,
            test_actuals=inputs.test_actuals,
            threshold=document.threshold.value if document.threshold else None,
            robustness=document.robustness,
            seed=seed,
        )
    holds = hold_reasons(DataChecks.read(inputs.checks)) if inputs.checks else []
    baseline = document.baseline.comparison
    if inputs.champion is not None and baseline and baseline.worse:
        # A champion that fails on the newest rows is beaten by a model that fails less.
        holds.append(_comparison_reasons(baseline, "baseline", main_metric(document.task, document.metrics)))
    decision = decide(document, comparison, against=against, metric_bounds=metric_bounds, holds=holds)
    decision = replace(
        decision,
        reasons=(*decision.reasons, _compare_robustness(flips)) if flips else decision.reasons,
        robustness=flips,
        metric_bounds=dict(sorted(metric_bounds.values.items())),
        seed=seed,
    )
    write_json(verdict, decision.as_json())
    return decision


def hold_reasons(checks: DataChecks) -> list[str]:
    """Return why no model of a table may be promoted, whatever its scores: a perfect leak that was not declared.

    Args:
        checks: Document of ``validate``.

    Returns:
        One sentence for each reason.
    """
    return [f"{rule.message[:1].upper()}{rule.message[1:]}" for rule in checks.rules if rule.holds]


def decide(
    document: Evaluation,
    comparison: ModelComparison | None,
    *,
    against: str,
    metric_bounds: MetricBounds,
    holds: Sequence[str] = (),
) -> GateVerdict:
    """Decide the verdict from an evaluation and a comparison.

    Args:
        document: The evaluation.
        comparison: Result of ``significance.compare_main``, candidate first.
        against: ``baseline`` or ``champion``.
        metric_bounds: Bounds of the metrics.
        holds: Sentences from ``hold_reasons``: with any, a model that would be promoted is held.
    """
    missed = metric_bounds.list_missed(document)
    if document.alerts and comparison is None:
        return _judge_unlabelled(document, against, metric_bounds, holds)
    few = _too_few(document)
    verdict: Decision = "hold"
    better = comparison is not None and comparison.better
    if missed or (comparison and comparison.worse):
        verdict = "reject"
    elif better and not few and not holds:
        verdict = "promote"
    reached = (
        [f"All {len(metric_bounds.values)} bounds of metrics are met."] if metric_bounds.values and not missed else []
    )
    reasons = [
        *missed,
        *reached,
        _comparison_reasons(comparison, against, main_metric(document.task, document.metrics)),
    ]
    if few and better:
        reasons.append(few)
    reasons += holds
    compared = asdict(comparison) if comparison else {}
    return GateVerdict(verdict, tuple(reasons), GateComparison(against, **compared))


def _compare_robustness(flips: FlipComparison) -> str:
    """Say how robust the candidate is beside the champion, which decides nothing by itself."""
    difference = flips.difference
    return (
        f"Changes of at most {flips.within:.0%} of each column's range flip the decision of {flips.candidate:.1%} of "
        f"{flips.rows} test rows, the champion's of {flips.champion:.1%}: the difference is {difference.value:+.3f}, "
        f"95 % interval {difference.low:+.3f} to {difference.high:+.3f}."
    )


def _judge_unlabelled(
    document: Evaluation, against: str, metric_bounds: MetricBounds, holds: Sequence[str]
) -> GateVerdict:
    """Judge an anomaly model that no labels tell anything of: by the bounds that are met without them, if any."""
    missed = metric_bounds.list_missed(document)
    verdict: Decision = "reject" if missed else "hold" if holds else "promote"
    met = [f"All {len(metric_bounds.values)} bounds of metrics are met."] if metric_bounds.values and not missed else []
    reason = (
        f"The test rows have no labels of both kinds, so that the candidate cannot be compared with the {against}: it "
        "is judged by its service alone, which its test cases check before it takes traffic."
    )
    return GateVerdict(verdict, (*missed, *met, reason, *holds), GateComparison(against))


def _too_few(document: Evaluation) -> str:
    rows, unit = document.rows.measured, document.resampled_by
    if unit.by != "row" and unit.clusters < FEWEST_CLUSTERS:
        clusters = unit.sentence.partition(": ")[2]
        return (
            f"The test rows lie in {clusters}; fewer than {FEWEST_CLUSTERS} cannot tell a better model from a lucky "
            "one."
        )
    counts = document.confusion.rows if document.confusion else ()
    rarest = min((sum(row) for row in counts if sum(row)), default=rows)
    if document.alerts:
        rows = document.alerts.labelled
    if rows >= FEWEST_ROWS and (document.task not in {"binary", "anomaly"} or rarest >= FEWEST_OF_A_CLASS):
        return ""
    kind = "labelled test" if document.alerts else "test"
    return (
        f"{rows} {kind} rows, {rarest} of the rarer class, are too few to tell a better model from a lucky one."
        if counts
        else f"{rows} test rows are too few to tell a better model from a lucky one."
    )


def _comparison_reasons(comparison: ModelComparison | None, against: str, main: str) -> str:
    if not comparison:
        return f"These test rows do not define {main}, so that the candidate cannot be compared with the {against}."
    word = "better" if comparison.better else "worse" if comparison.worse else "not clearly different"
    than = "from" if word.startswith("not") else "than"
    p_value = comparison.p_value
    chance = "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"
    return (
        f"{comparison.metric} is {word} {than} the {against}'s: the difference is {comparison.difference:+.4f}, "
        f"95 % interval {comparison.low:+.4f} to {comparison.high:+.4f} ({comparison.test}, {chance})."
    )
