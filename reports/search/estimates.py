"""Up to three estimates of the winner's score, and what their differences mean."""

from dataclasses import dataclass

from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.statistics.measures import Interval
from headrace.reports.base import number_format
from headrace.reports.base.phrases import metric_name
from headrace.reports.search.document import SearchFacts

_OF_LABELS = frozenset({"accuracy", "precision", "recall", "f1"})


@dataclass(frozen=True)
class SearchEstimate:
    """One estimate of the winner's score.

    Attributes:
        way: How it was estimated.
        score: The estimate.
        low: Lower end; None without one.
        high: Upper end; None without one.
        ends: What the ends are.
        reliability: How far the estimate can be trusted.
    """

    way: str
    score: float
    low: float | None
    high: float | None
    ends: str
    reliability: str


@dataclass(frozen=True)
class SearchEstimates:
    """All estimates, the most optimistic first.

    Attributes:
        rows: The estimates.
        sentences: How they compare, and what that means.
    """

    rows: tuple[SearchEstimate, ...]
    sentences: tuple[str, ...]


def estimates(search: SearchFacts, evaluation: Evaluation | None = None) -> SearchEstimates:
    """Return all estimates of the winner's score, the one that the search selected by first.

    Args:
        search: The search.
        evaluation: Content of ``evaluation`` on the test part; None if it is not known.
    """
    best = search.best
    if best is None or best.score is None:
        return SearchEstimates((), ())
    measured = evaluation.metrics.get(search.metric) if evaluation else None
    tested = _test_estimate(measured, evaluation.rows.measured) if evaluation and measured else None
    rows = [
        _chosen_by(search, best.score, best.scores),
        *_ensemble_estimates(search),
        _nested_estimate(search),
        tested,
    ]
    sentences = [
        _of_strategy(search),
        search.ensemble.reason if search.ensemble else "",
        _of_nested(search, best.score),
        _of_test(search, best.score, measured),
        _of_threshold(search, evaluation),
    ]
    if not search.nested and not tested and _rivals(search) > 1:
        sentences.append(
            "By how much it flatters is not known here: nested cross-validation of the search, or the score on rows "
            "that it has not seen, which the step evaluate measures, would say so."
        )
    return SearchEstimates(tuple(row for row in rows if row), tuple(text for text in sentences if text))


def _chosen_by(search: SearchFacts, score: float, scores: tuple[float, ...]) -> SearchEstimate:
    rivals = _rivals(search)
    return SearchEstimate(
        way="cross-validation of the winner" if search.folds else "objective of the winner",
        score=score,
        low=min(scores, default=None),
        high=max(scores, default=None),
        ends="worst and best fold",
        reliability=f"flatters: it is the best of {number_format.count(rivals)} and was chosen for it"
        if rivals > 1
        else "does not flatter: there was nothing to choose from",
    )


def _rivals(search: SearchFacts) -> int:
    """Return the number of trials among which the best was selected."""
    return sum(trial.finished is not None for trial in search.trials)


def _ensemble_estimates(search: SearchFacts) -> list[SearchEstimate]:
    """Return ensemble and best trial, each chosen without the fold that it is measured on."""
    if search.ensemble is None or search.ensemble.score is None or search.ensemble.best_score is None:
        return []
    return [
        SearchEstimate(
            way, score, None, None, "", "chosen again for each fold on the others: does not flatter by choice"
        )
        for way, score in (
            ("the best trial, chosen again for each fold", search.ensemble.best_score),
            (f"the ensemble ({search.ensemble.method}), chosen again for each fold", search.ensemble.score),
        )
    ]


def _nested_estimate(search: SearchFacts) -> SearchEstimate | None:
    if not search.nested:
        return None
    scores, has_interval = [fold.score for fold in search.nested.folds], search.nested.low is not None
    return SearchEstimate(
        way="nested cross-validation of the search",
        score=search.nested.score,
        low=search.nested.low if has_interval else min(scores, default=None),
        high=search.nested.high if has_interval else max(scores, default=None),
        ends="95 % interval" if has_interval else "worst and best fold",
        reliability="what such a search is worth on rows that it has not seen",
    )


def _test_estimate(measured: Interval, rows: int) -> SearchEstimate:
    return SearchEstimate(
        way="the test part",
        score=measured.value,
        low=measured.low,
        high=measured.high,
        ends="95 % interval",
        reliability=f"the fitted model on {number_format.count(rows)} rows that no search has seen",
    )


def _of_strategy(search: SearchFacts) -> str:
    best = search.best
    if best is None or best.score is None or search.strategy == "latest" or len(best.scores) < 2:
        return ""
    mean = sum(best.scores) / len(best.scores)
    if abs(mean - best.score) < 1e-9:
        return ""
    return (
        f"The objective's strategy is {search.strategy}, so that the score is the best of the running means over the "
        f"folds; the mean over all folds is {number_format.metric(mean)}."
    )


def _of_nested(search: SearchFacts, score: float) -> str:
    if not search.nested:
        return ""
    size = number_format.metric(abs(search.nested.optimism))
    thought = (
        f"thought themselves {size} better than they were"
        if search.nested.optimism > 0
        else (f"did not flatter themselves: they were {size} better than they thought")
    )
    gain = search.gain(score, search.nested.score)
    side = "better" if gain > 0 else "worse"
    return (
        f"In nested cross-validation the searches {thought} on new rows; the score that chose the winner is "
        f"{number_format.metric(abs(gain))} {side} than theirs."
    )


def _of_test(search: SearchFacts, score: float, measured: Interval | None) -> str:
    if measured is None:
        return ""
    gain = search.gain(score, measured.value)
    side = "better" if gain > 0 else "worse"
    gave = f"{number_format.metric(abs(gain))} {side} {metric_name(search.metric)}"
    text = f"Cross-validation gave {gave} than the test part"
    if measured.low <= score <= measured.high:
        return f"{text}, but lies within its interval: the difference may be chance."
    if gain > 0:
        return (
            f"{text}, and lies outside of its interval: the search flattered itself, or the test rows are harder "
            "(later, or of other groups); believe the test part."
        )
    return (
        f"{text}, and lies outside of its interval: its models saw fewer rows than the fitted one, or the test rows "
        "are easier."
    )


def _of_threshold(search: SearchFacts, evaluation: Evaluation | None) -> str:
    threshold = evaluation.threshold if evaluation and search.metric in evaluation.metrics else None
    if threshold is None or search.metric not in _OF_LABELS:
        return ""
    return (
        f"The search predicted the more probable class, the test part was measured with the threshold "
        f"{number_format.metric(threshold.value)}; that alone may make a difference."
    )
