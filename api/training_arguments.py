"""The options of a run, checked before anything starts, as arguments of the training pipeline."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.api.model_names import default_name, model_name
from headrace.core import card_file
from headrace.core.customs import Customs
from headrace.core.errors import InputError
from headrace.core.remedies import require_store
from headrace.pipelines.training_checks import check_training
from headrace.pipelines.training_options import TrainingOptions

_BUDGET = re.compile(r"^[1-9][0-9]*[smh]?$")
Spelling = Callable[[str], str]


def training_arguments(options: Mapping[str, Any], *, spell: Spelling = str) -> dict[str, Any]:
    """Check the options of a run, and bring them into the form in which they pass through the pipeline.

    Args:
        options: Values by the names of the training pipeline's parameters, ``source`` and ``target`` among them; an
            empty ``name`` means the table's.
        spell: How an option is called in messages, by its name: ``test_size``, or ``--test-size`` at the command line.

    Returns:
        Arguments of the training pipeline.

    Raises:
        InputError: If an option cannot be.
        MissingError: If a file that is named does not exist.
    """
    marked = {**options, **number_marks(options["decimal"], options["thousands"])}
    check_training(TrainingOptions, marked, spell=spell)
    _check_search(options, spell)
    if options["card"]:
        card_file.load(Path(options["card"]))
    prepared = {
        **marked,
        "name": model_name(options["name"] or default_name(options["source"])),
        "delimiter": field_separator(options["delimiter"]),
        "budget": search_budget(options["budget"], spell=spell),
    }
    return TrainingOptions(**prepared).pipeline_arguments()


def field_separator(text: str) -> str:
    """A field separator; a backslash and a t may be typed for a tab."""
    return "\t" if text == "\\t" else text


def search_budget(text: str, *, spell: Spelling = str) -> str:
    """The budget of a search.

    Args:
        text: Trials such as ``20``, or a time such as ``90s``, ``5m`` or ``1h``; empty for the default.
        spell: How the option is called in messages.

    Raises:
        InputError: If it is neither.
    """
    if text and not _BUDGET.match(text):
        raise InputError(f"{spell('budget')} must be trials (20) or a time (90s, 5m, 1h); got {text!r} instead.")
    return text


def number_marks(decimal: str, thousands: str) -> dict[str, str]:
    """The marks that numbers are written with, by the names of the pipeline's parameters.

    Raises:
        InputError: If no notation has them.
    """
    blank = {"space": " ", "blank": " "}.get(thousands, thousands)
    Customs(decimal, blank)  # type: ignore[arg-type]
    return {"decimal": decimal, "thousands": blank}


def _check_search(options: Mapping[str, Any], spell: Spelling) -> None:
    """Raise at once what the search would raise after all the steps before it."""
    on_katib, where = options["search_on"] == "katib", spell("search_on")
    if on_katib:
        require_store(f"{where} katib needs an object store that the trials' pods reach too")
    if options["search_namespace"] and not on_katib:
        raise InputError(
            f"{spell('search_namespace')} says where a search on Katib runs; got {options['search_namespace']!r} "
            f"without {where} katib: add that, or leave it out."
        )
    experiment = options["experiment"]
    if experiment and not experiment.isidentifier() and not Path(experiment).is_file():
        raise InputError(
            f"{spell('experiment')} must be a file, or the name of a shipped Experiment; got {experiment!r} instead."
        )
