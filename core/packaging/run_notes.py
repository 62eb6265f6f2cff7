"""What a person should know of a run: notes of its steps on the table, and what the evaluation adds."""

from collections.abc import Iterator

from headrace.core.base.notes import Note, worst_first
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.validation.data_checks import DataChecks

# From this value of a metric on a model makes no error.
_FLAWLESS = {"roc_auc": 1.0, "accuracy": 1.0, "r2": 0.99999}


def gather(checks: DataChecks | None, evaluation: Evaluation | None, *, ensemble_reason: str = "") -> tuple[Note, ...]:
    """Collect all notes of a run, worst first.

    Args:
        checks: Document of ``validate``; None if the run ended before it.
        evaluation: Document of ``evaluate``; None if the run ended before it.
        ensemble_reason: Why the search ended with an ensemble or not; empty if none was asked for.
    """
    notes = checks.notes if checks else ()
    leaks = [note for note in notes if note.rule == "leakage"]
    measured = _of_evaluation(evaluation, leaks=bool(leaks)) if evaluation else ()
    ensembles = [Note("info", "", "ensemble", 0, ensemble_reason)] if ensemble_reason else []
    return worst_first([*leaks, *measured, *notes, *ensembles])


def _of_evaluation(evaluation: Evaluation, *, leaks: bool) -> Iterator[Note]:
    equal, near = evaluation.equal_inputs, evaluation.near_inputs
    rows = evaluation.rows.test or 0
    alerts = evaluation.alerts
    if alerts and alerts.labelled < alerts.rows:
        remedy = "Give a column with the few labels there are as the target." if not alerts.labelled else ""
        if not alerts.labelled:
            sentence = "Without labels nothing was searched: the family's default parameters were fitted."
            yield Note(
                "info", "", "no_search", 1, sentence, "Name another family with --families if you know a better one."
            )
        yield Note("info", "", "labels", alerts.rows - alerts.labelled, alerts.labels, remedy)
    if equal and equal.copies:
        yield Note("warning", "", "equal_inputs", round(equal.share * rows), equal.sentence, equal.remedy)
    if near and near.clusters:
        yield Note("warning", "", "near_inputs", round(near.share * near.rows), near.sentence, near.remedy)
    if rows and not leaks and not alerts and _flawless(evaluation):
        yield Note(
            "warning",
            "",
            "no_errors",
            rows,
            f"The model makes no error on its {rows} test rows, which is rare where there is something to learn.",
            "See whether some of its columns, taken together, are known only after the target is.",
        )


def _flawless(evaluation: Evaluation) -> bool:
    metrics = evaluation.metrics
    perfect = [metrics[name].value >= least for name, least in _FLAWLESS.items() if name in metrics]
    return bool(perfect) and all(perfect)
