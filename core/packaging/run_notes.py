"""What a person should know of a run: notes of its steps on the table, and what the evaluation adds."""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.core.base.notes import Note, from_json, worst_first

Facts = Mapping[str, Any]
# From this value of a metric on a model makes no error.
_FLAWLESS = {"roc_auc": 1.0, "accuracy": 1.0, "r2": 0.99999}


def gather(checks: Facts, evaluation: Facts) -> tuple[Note, ...]:
    """Collect all notes of a run, worst first.

    Args:
        checks: Document of ``validate``; empty if the run ended before it.
        evaluation: Document of ``evaluate``; empty if the run ended before it.
    """
    notes = from_json(checks.get("notes", []))
    leaks = [note for note in notes if note.rule == "leakage"]
    return worst_first([*leaks, *_of_evaluation(evaluation, leaks=bool(leaks)), *notes])


def _of_evaluation(evaluation: Facts, *, leaks: bool) -> Iterator[Note]:
    equal = evaluation.get("equal_inputs") or {}
    rows = int(evaluation.get("rows", {}).get("test", 0))
    if equal.get("copies"):
        count = round(equal["share"] * rows)
        yield Note("warning", "", "equal_inputs", count, equal["sentence"], equal.get("remedy", ""))
    near = evaluation.get("near_inputs") or {}
    if near.get("clusters"):
        count = round(near["share"] * near["rows"])
        yield Note("warning", "", "near_inputs", count, near["sentence"], near.get("remedy", ""))
    if rows and not leaks and _flawless(evaluation):
        yield Note(
            "warning",
            "",
            "no_errors",
            rows,
            f"The model makes no error on its {rows} test rows, which is rare where there is something to learn.",
            "See whether some of its columns, taken together, are known only after the target is.",
        )


def _flawless(evaluation: Facts) -> bool:
    metrics = evaluation.get("metrics", {})
    perfect = [metrics[name]["value"] >= least for name, least in _FLAWLESS.items() if name in metrics]
    return bool(perfect) and all(perfect)
