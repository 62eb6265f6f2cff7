"""The contents of a search's pages: its figures, its families, and its trials as rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.search_trials import Trial
from headrace.reports.base import number_format
from headrace.reports.base.phrases import family_name, metric_name
from headrace.reports.page import svg
from headrace.reports.search.document import SearchFacts
from headrace.reports.search.estimates import estimates
from headrace.reports.search.figures import axis_limits, progress
from headrace.reports.search.importance import ParameterImportance, importance
from headrace.reports.search.parallel_coordinates import MOST_AXES, MOST_LINES, parallel
from headrace.reports.search.phrases import (
    describe_ending,
    describe_search,
    describe_winner,
    importance_sentence,
    inline,
    status_words,
)
from headrace.reports.search.space import FamilySpace

MOST_ROWS = 1000
_MOST_COLUMNS = 6


@dataclass(frozen=True)
class FamilyParameters:
    """The parameters of a family, as they are shown.

    Attributes:
        family: Its name in print.
        picture: Its trials as lines; None if no parameter varied.
        caption: What the picture leaves out; may be empty.
        importance: Importance of the parameters.
        fixed: Parameters that all trials had in common, on one line; may be empty.
    """

    family: str
    picture: Markup | None
    caption: str
    importance: ParameterImportance
    fixed: str


def parameters(search: SearchFacts) -> list[FamilyParameters]:
    """Return the parameters of each family, that of the best trial first."""
    return [_of_family(search, family, place) for place, family in enumerate(search.families)]


def brief(search: SearchFacts, evaluation: Evaluation | None) -> dict[str, Any]:
    """Return what the report of a run shows of its search.

    Args:
        search: The search.
        evaluation: Content of ``evaluation``; None if it is not known.
    """
    first = _of_family(search, search.families[0], 0) if search.trials else None
    return {
        "metric": metric_name(search.metric),
        "sentences": [
            text for text in (describe_search(search), describe_winner(search), describe_ending(search)) if text
        ],
        "progress": progress(search),
        "parameters": first,
        "importance": importance_sentence(first.family, first.importance) if first else "",
        "estimates": estimates(search, evaluation),
        "families": families(search),
        "errors": errors(search),
    }


def _of_family(search: SearchFacts, family: str, place: int) -> FamilyParameters:
    space = FamilySpace.of([trial for trial in search.trials if trial.family == family])
    omitted = []
    if len(space.trials) > MOST_LINES:
        omitted.append(f"the best {MOST_LINES} of {number_format.count(len(space.trials))} trials are drawn")
    if len(space.axes) > MOST_AXES:
        omitted.append(f"the first {MOST_AXES} of {len(space.axes)} parameters are drawn")
    return FamilyParameters(
        family=family_name(family),
        picture=parallel(space, search, name=f"parallel-{place}"),
        caption="; ".join(omitted),
        importance=importance(space),
        fixed=", ".join(f"{name}={value}" for name, value in space.fixed),
    )


def families(search: SearchFacts) -> list[dict[str, Any]]:
    """Return each family with its trials, their statuses and the best of them; that of the best trial first."""
    rows = []
    for family in search.families:
        trials = [trial for trial in search.ranked if trial.family == family]
        best = trials[0] if trials[0].finished is not None else None
        rows.append(
            {
                "name": family_name(family),
                "trials": len(trials),
                "best": best.score if best else None,
                "early": sum(trial.status == "early_stopped" for trial in trials),
                "failed": sum(trial.score is None for trial in trials),
                "seconds": sum(trial.seconds for trial in trials),
                "parameters": inline(best.parameters) if best else number_format.MISSING,
            }
        )
    return rows


def errors(search: SearchFacts) -> list[str]:
    """Return distinct errors of failed trials, with their families; at most five."""
    failed = (trial for trial in search.trials if trial.score is None and trial.error)
    return list(dict.fromkeys(f"{family_name(trial.family)}: {trial.error}" for trial in failed))[:5]


def columns(search: SearchFacts) -> list[str]:
    """Return the parameters that are columns of the table of trials: those of a single family, if they are few."""
    names = dict.fromkeys(name for trial in search.trials for name in trial.parameters)
    return list(names) if len(search.families) == 1 and len(names) <= _MOST_COLUMNS else []


def rows(search: SearchFacts, *, bundle: str = "") -> list[dict[str, Any]]:
    """Return the rows of the table of trials, best first.

    Args:
        search: The search.
        bundle: Address of the best trial's bundle, if the trial itself does not name it; one beside the page is a
            relative path that ends in ``/``, and is linked.
    """
    own = columns(search)
    labels = _labels(search.trials, own)
    every = [score for trial in search.trials for score in trial.scores]
    ends = axis_limits(every) if every else (0.0, 1.0)
    return [_row(trial, search, ends, bundle) | {"values": labels[trial.number]} for trial in search.ranked[:MOST_ROWS]]


def _labels(trials: Sequence[Trial], own: Sequence[str]) -> dict[int, list[str]]:
    """Return the values of the columns by the trial's number, defaults included."""
    space = FamilySpace.of(trials)
    varied = {axis.name: axis.labels for axis in space.axes}
    fixed = dict(space.fixed)
    return {
        trial.number: [varied[name][place] if name in varied else fixed[name] for name in own]
        for place, trial in enumerate(trials)
    }


def _row(trial: Trial, search: SearchFacts, ends: tuple[float, float], bundle: str) -> dict[str, Any]:
    style, word = status_words(trial)
    won = search.best is not None and trial.number == search.best.number
    place = trial.bundle or (bundle if won else "")
    return {
        "number": trial.number,
        "name": trial.name,
        "family": family_name(trial.family),
        "won": won,
        "score": trial.score,
        "partial": _partial(trial, search),
        "dots": _dots(trial, ends),
        "style": style,
        "status": word,
        "seconds": trial.seconds,
        "parameters": inline(trial.parameters),
        "remarks": _remarks(trial),
        "bundle": place,
        "link": place
        if place.startswith(("http://", "https://")) or (place == bundle and _is_relative_folder(place))
        else "",
    }


def _is_relative_folder(place: str) -> bool:
    """Return whether an address is a folder relative to the page, which a browser finds from there."""
    return place.endswith("/") and not place.startswith("/") and ":" not in place


def _partial(trial: Trial, search: SearchFacts) -> str:
    if trial.finished is not None or trial.score is None:
        return ""
    return f"after {len(trial.scores)} of {search.folds} folds" if search.folds else "when it was ended"


def _dots(trial: Trial, ends: tuple[float, float]) -> dict[str, Any] | None:
    if not trial.scores:
        return None
    text = f"{number_format.metric(min(trial.scores))} to {number_format.metric(max(trial.scores))}"
    mean = sum(trial.scores) / len(trial.scores)
    return {"picture": svg.dots(trial.scores, ends=ends, mark=mean, label="Scores by fold"), "text": text}


def _remarks(trial: Trial) -> list[tuple[str, str]]:
    """Return style and text of the remarks on a trial, shortened."""
    style = "bad" if trial.score is None else "soft"
    remarks = [(style, number_format.shorten(trial.error, 200))] if trial.error else []
    remarks += [("warn", number_format.shorten(text, 120)) for text in trial.warnings[:2]]
    more = len(trial.warnings) - 2
    return [*remarks, ("soft", f"and {more} more")] if more > 0 else remarks
