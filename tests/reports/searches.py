"""Searches made for the tests of their pages."""

from collections.abc import Sequence
from typing import Any

from headrace.core.evaluation.search_trials import Trial
from headrace.reports.search.document import SearchFacts


def trial(number: int, score: float | None = 0.5, **changes: Any) -> Trial:
    """A trial that ran to its end, or failed if it has no score."""
    facts: dict[str, Any] = {
        "number": number,
        "name": f"made-{number:03d}",
        "experiment": "made",
        "family": "random_forest",
        "parameters": {"max_depth": 2 + number % 11, "max_features": 0.1 + 0.01 * (7 * number % 30)},
        "status": "succeeded" if score is not None else "failed",
        "score": score,
        "scores": () if score is None else (score - 0.01, score + 0.01),
        "seconds": 0.2,
        "error": "" if score is not None else "no luck",
    }
    return Trial(**{**facts, **changes})


def searched(scores: Sequence[float | None], **changes: Any) -> SearchFacts:
    """A search whose trials have these scores; of equals the first is the best."""
    return of_trials([trial(number, score) for number, score in enumerate(scores)], **changes)


def of_trials(trials: Sequence[Trial], **changes: Any) -> SearchFacts:
    """A search of these trials."""
    minimize = changes.get("minimize", False)
    done = [one for one in trials if one.finished is not None]
    best = min(done, key=lambda one: (one.finished or 0.0) * (1 if minimize else -1)) if done else None
    facts: dict[str, Any] = {
        "metric": "roc_auc",
        "minimize": False,
        "experiments": ("made",),
        "algorithm": "tpe",
        "tuner": "local",
        "rows": 300,
        "folds": 2,
        "seconds": 4.2,
        "reason": "MaxTrialsReached" if best else "",
        "best": best,
    }
    return SearchFacts(trials=tuple(trials), **{**facts, **changes})
