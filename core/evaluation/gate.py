"""Whether a model may take over: against stated thresholds, the baseline, and the champion on the same test rows.

A candidate without a champion is judged by what ``evaluate`` measured: no model is loaded for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import read_json, write_json
from headrace.core.evaluation.verdict import Decision, GateComparison, GateVerdict
from headrace.core.statistics.metrics import HIGHER_IS_BETTER, MAIN
from headrace.core.statistics.sample_sizes import FEWEST_CLUSTERS, FEWEST_OF_A_CLASS, FEWEST_ROWS

VerdictUse = Literal["serve", "publish", "keep"]


def use(*, passed: bool, publish: bool, serve: bool) -> VerdictUse:
    """What is to be done with a candidate.

    Args:
        passed: Whether it may be published.
        publish: Whether one that may be is to be.
        serve: Whether one that is published is to be served.
    """
    if not passed or not publish:
        return "keep"
    return "serve" if serve else "publish"


@dataclass(frozen=True)
class MetricBounds:
    """Least values of metrics, or largest ones where less is better.

    Attributes:
        values: Threshold by name of the metric.
    """

    values: Mapping[str, float]

    def __post_init__(self) -> None:
        """Refuse what is no metric, or no number.

        Raises:
            InputError: If there is one.
        """
        unknown = sorted(set(self.values) - set(HIGHER_IS_BETTER))
        if unknown:
            raise InputError(f"a threshold must be of one of {sorted(HIGHER_IS_BETTER)}; got {quote(unknown)} instead.")
        for name, value in self.values.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
                raise InputError(f"the threshold of {name} must be a number; got {quote(value)} instead.")

    def list_missed(self, metrics: Mapping[str, Any]) -> list[str]:
        """One sentence for each threshold that the metrics do not meet."""
        return [
            sentence
            for name, value in sorted(self.values.items())
            if (sentence := _miss(name, value, metrics.get(name)))
        ]


def _miss(name: str, threshold: float, found: Mapping[str, float] | None) -> str:
    least = "least" if HIGHER_IS_BETTER[name] else "most"
    if found is None:
        return f"{name} must be at {least} {threshold:g}, but these test rows do not define it."
    met = found["value"] >= threshold if HIGHER_IS_BETTER[name] else found["value"] <= threshold
    return "" if met else f"{name} is {found['value']:.4g}, but must be at {least} {threshold:g}."


@dataclass(frozen=True)
class GateInputs:
    """Where the candidate, its test rows and the champion lie.

    Attributes:
        model: The candidate's folder.
        test_table: Test rows without the target.
        test_actuals: Their target.
        champion: The champion's folder (a model's or a bundle's); None for no champion.
        checks: What ``validate`` found in the table; None if it is not known.
    """

    model: Path
    test_table: Path
    test_actuals: Path
    champion: Path | None = None
    checks: Path | None = None


def judge(
    evaluation: Path, *, sides: GateInputs, thresholds: MetricBounds, verdict: Path, seed: int = 0
) -> GateVerdict:
    """Judge a candidate and write the verdict.

    Args:
        evaluation: The evaluation's file.
        sides: Candidate, test rows and champion.
        thresholds: What the metrics must reach.
        verdict: File to write.
        seed: Seed of the bootstrap.

    Returns:
        The verdict as written.

    Raises:
        InputError: If the champion cannot predict the test rows.
    """
    measured = read_json(evaluation)
    if sides.champion is None:
        against, comparison = "baseline", dict(measured["baseline"]["comparison"])
    else:
        # Only a champion needs models to be loaded, and with them scikit-learn.
        from headrace.core.evaluation.champion import compare  # noqa: PLC0415

        against = "champion"
        comparison = compare(
            sides.model,
            sides.champion,
            test_table=sides.test_table,
            test_actuals=sides.test_actuals,
            threshold=(measured.get("threshold") or {}).get("value"),
            seed=seed,
        )
    held = holding(read_json(sides.checks)) if sides.checks else []
    found = decide(measured, comparison, against=against, thresholds=thresholds, held=held)
    found = replace(found, thresholds=dict(sorted(thresholds.values.items())), seed=seed)
    write_json(verdict, found.as_json())
    return found


def holding(checks: Mapping[str, Any]) -> list[str]:
    """Why no model of a table may be promoted, whatever it scores: a perfect leak that nobody said is meant.

    Args:
        checks: Content of ``validate``'s checks.

    Returns:
        A sentence for each reason.
    """
    found = [rule for rule in checks.get("rules", []) if rule.get("holds")]
    return [f"{rule['message'][:1].upper()}{rule['message'][1:]}" for rule in found]


def decide(
    measured: Mapping[str, Any],
    comparison: Mapping[str, Any],
    *,
    against: str,
    thresholds: MetricBounds,
    held: Sequence[str] = (),
) -> GateVerdict:
    """The verdict from an evaluation and a comparison.

    Args:
        measured: The evaluation.
        comparison: Result of ``significance.compare_main``.
        against: ``baseline`` or ``champion``.
        thresholds: What the metrics must reach.
        held: Sentences from ``holding``: with any, a model that would be promoted is held.
    """
    missed = thresholds.list_missed(measured["metrics"])
    few = _too_few(measured)
    verdict: Decision = "hold"
    if missed or comparison.get("worse"):
        verdict = "reject"
    elif comparison.get("better") and not few and not held:
        verdict = "promote"
    met = [f"All {len(thresholds.values)} thresholds are met."] if thresholds.values and not missed else []
    reasons = [*missed, *met, _comparison_reasons(comparison, against, MAIN[measured["task"]])]
    if few and comparison.get("better"):
        reasons.append(few)
    reasons += held
    return GateVerdict(verdict, tuple(reasons), GateComparison(against, **comparison))


def _too_few(measured: Mapping[str, Any]) -> str:
    rows, drawn = int(measured["rows"]["test"]), measured.get("resampled_by") or {}
    if drawn.get("by", "row") != "row" and drawn["clusters"] < FEWEST_CLUSTERS:
        told = str(drawn["sentence"]).partition(": ")[2]
        return f"The test rows lie in {told}; fewer than {FEWEST_CLUSTERS} cannot tell a better model from a lucky one."
    counts: Sequence[Sequence[int]] = measured.get("confusion", {}).get("rows", [])
    rarest = min((sum(row) for row in counts if sum(row)), default=rows)
    if rows >= FEWEST_ROWS and (measured["task"] != "binary" or rarest >= FEWEST_OF_A_CLASS):
        return ""
    return (
        f"{rows} test rows, {rarest} of the rarer class, are too few to tell a better model from a lucky one."
        if counts
        else f"{rows} test rows are too few to tell a better model from a lucky one."
    )


def _comparison_reasons(comparison: Mapping[str, Any], against: str, main: str) -> str:
    if not comparison:
        return f"These test rows do not define {main}, so that nothing can be said against the {against}."
    word = "better" if comparison["better"] else "worse" if comparison["worse"] else "not clearly different"
    than = "from" if word.startswith("not") else "than"
    p_value = comparison["p_value"]
    chance = "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"
    return (
        f"{comparison['metric']} is {word} {than} the {against}'s: the difference is {comparison['difference']:+.4f}, "
        f"95 % interval {comparison['low']:+.4f} to {comparison['high']:+.4f} ({comparison['test']}, {chance})."
    )
