"""Sentences about a search."""

from collections import Counter

from headrace.core.evaluation.search_trials import Trial
from headrace.reports.base import number_format
from headrace.reports.base.phrases import family_name, metric_name
from headrace.reports.search.document import Facts, SearchFacts
from headrace.reports.search.importance import ParameterImportance
from headrace.reports.search.space import label

_STATUS = {
    "succeeded": ("good", "succeeded"),
    "early_stopped": ("warn", "ended early"),
    "failed": ("bad", "failed"),
    "metrics_unavailable": ("bad", "no score"),
    "killed": ("bad", "killed"),
}
_REASONS = {
    "MaxTrialsReached": "the number of trials was reached",
    "GoalReached": "the goal was reached",
    "SuggestionEndReached": "there was nothing more to try",
    "TimeReached": "the time was up",
}
_TUNERS = {"local": "in one process", "katib": "on Katib"}


def status_words(trial: Trial) -> tuple[str, str]:
    """Return style and words for the status of a trial."""
    return _STATUS.get(trial.status, ("soft", trial.status.replace("_", " ")))


def counts(search: SearchFacts) -> str:
    """Return how many trials ended in which status."""
    statuses = Counter(status_words(trial)[1] for trial in search.trials)
    return ", ".join(f"{number_format.count(statuses[word])} {word}" for _, word in _STATUS.values() if statuses[word])


def describe_search(search: SearchFacts) -> str:
    """Describe what was searched, how and for how long."""
    one = len(search.trials) == 1
    text = f"{number_format.count(len(search.trials))} trial{'' if one else 's'}"
    families = [name for name in search.families if name]
    if len(families) > 1:
        text += f" of {len(families)} families"
    elif families:
        text += f" of the family {family_name(families[0])}"
    text += f" in {number_format.seconds(search.seconds)}" if search.seconds else ""
    text += f" by the algorithm {search.algorithm}" if search.algorithm else ""
    text += f", for the {'least' if search.minimize else 'largest'} {metric_name(search.metric)}"
    text += f" in cross-validation ({search.folds} folds)" if search.folds else ""
    return text + (f" on {number_format.count(search.rows)} training rows." if search.rows else ".")


def describe_winner(search: SearchFacts) -> str:
    """Describe the winner, or why there is no winner."""
    best = search.best
    if best is not None:
        text = f"trial {best.number}, {family_name(best.family)}," if best.family else f"trial {best.number}"
        text = f"The best is {text} with {metric_name(search.metric)} {number_format.metric(best.score)}."
        made = search.ensemble
        return (
            f"{text} The search ends with an ensemble of {len(made.members)} trials." if made and made.taken else text
        )
    finished = sum(trial.finished is not None for trial in search.trials)
    if search.reason == "NoLabels":
        return (
            "No trial was run: without labels of both kinds nothing compares models; a family's defaults were fitted."
        )
    if not search.trials:
        return "No trial was run."
    first = next((trial for trial in search.trials if trial.finished is None), None)
    why = f" The first to tell why: {number_format.shorten(first.error, 300)}." if first and first.error else ""
    if finished:
        return f"It was given up, because too many trials failed.{why}"
    return f"No trial ran to its end.{why}"


def describe_ending(search: SearchFacts) -> str:
    """Describe how the trials ended, and why the search ended."""
    reason = _REASONS.get(search.reason, search.reason)
    text = counts(search)
    if not text:
        return ""  # no trial has ended, of which the winner's sentence tells
    text += f"; the search ended because {reason}" if reason else ""
    return f"{text}."


def importance_sentence(family: str, family_importance: ParameterImportance) -> str:
    """Name the most important parameters of a family, or why their importance is unknown."""
    if not family_importance.shares:
        sentence = family_importance.sentence
        return f"Importance of the parameters of {family}: {sentence[:1].lower()}{sentence[1:]}"
    first = ", ".join(f"{name} {number_format.percent(share)}" for name, share in family_importance.shares[:3])
    return f"What matters among the parameters of {family}: {first} of what they explain of the scores' spread."


def inline(parameters: Facts) -> str:
    """Return parameters on one line."""
    return ", ".join(f"{name}={label(value)}" for name, value in parameters.items()) or "defaults"


def facts(search: SearchFacts) -> list[tuple[str, str]]:
    """Return the settings of the search, as names and values."""
    goal = "" if search.goal is None else f", until {number_format.metric(search.goal)}"
    settings = [
        ("Experiment" if len(search.experiments) == 1 else "Experiments", ", ".join(search.experiments)),
        ("algorithm", search.algorithm),
        ("objective", f"{'minimize' if search.minimize else 'maximize'} {metric_name(search.metric)}{goal}"),
        ("value of a trial", _STRATEGIES.get(search.strategy, search.strategy) if search.folds else search.strategy),
        ("rows of a trial", number_format.count(search.rows) if search.rows else ""),
        ("folds", number_format.count(search.folds) if search.folds else ""),
        ("where it ran", _TUNERS.get(search.tuner, search.tuner)),
    ]
    return [(name, value) for name, value in settings if value]


_STRATEGIES = {
    "latest": "mean over all folds",
    "max": "largest of the running means over the folds",
    "min": "least of the running means over the folds",
}
