"""The options of a run as a caller writes them, completed and checked before anything starts."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.api.model_names import default_name, model_name
from headrace.core.base.errors import InputError
from headrace.core.base.remedies import require_store
from headrace.core.contracts.profiling.conventions import check_marks
from headrace.core.packaging.cards import card_answers
from headrace.pipelines.definitions.training_checks import check_training
from headrace.pipelines.definitions.training_options import TrainingOptions

_BUDGET = re.compile(r"^[1-9][0-9]*[smh]?$")
Spelling = Callable[[str], str]


def prepare_options(given: Mapping[str, Any], *, spell: Spelling = str) -> TrainingOptions:
    """Check the options of a run, and complete them.

    Args:
        given: Values by the names of ``TrainingOptions``, each that a caller may set among them; an empty ``name``
            means the table's, and separator and marks may be typed as words.
        spell: How an option is called in messages, by its name: ``test_size``, or ``--test-size`` at the command line.

    Raises:
        InputError: If an option cannot be, or no object store is set that a search on Katib needs.
        MissingError: If a file that is named does not exist.
    """
    prepared = {
        **given,
        "name": model_name(given["name"] or default_name(given["source"])),
        "delimiter": field_separator(given["delimiter"]),
        "budget": search_budget(given["budget"], spell=spell),
        **number_marks(given["decimal"], given["thousands"], spell=spell),
    }
    check_training(TrainingOptions, prepared, spell=spell)
    options = TrainingOptions(**prepared)
    _check_search(options, spell)
    if options.card:
        card_answers.load(Path(options.card))
    return options


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


def number_marks(decimal: str, thousands: str, *, spell: Spelling = str) -> dict[str, str]:
    """The marks that numbers are written with, by the names of ``TrainingOptions``.

    Args:
        decimal: The decimal mark; empty to detect it.
        thousands: The mark between groups of three digits, ``space`` for a blank; empty to detect it.
        spell: How the options are called in messages.

    Raises:
        InputError: If no notation has them.
    """
    blank = {"space": " ", "blank": " "}.get(thousands, thousands)
    check_marks(decimal, blank, spell=spell)
    return {"decimal": decimal, "thousands": blank}


def _check_search(options: TrainingOptions, spell: Spelling) -> None:
    """Raise at once what the search would raise after all the steps before it."""
    on_katib, where = options.search_on == "katib", spell("search_on")
    if on_katib:
        require_store(f"{where} katib needs an object store that the trials' pods reach too")
    if options.search_namespace and not on_katib:
        raise InputError(
            f"{spell('search_namespace')} says where a search on Katib runs; got {options.search_namespace!r} "
            f"without {where} katib: add that, or leave it out."
        )
    experiment = options.experiment
    if experiment and not experiment.isidentifier() and not Path(experiment).is_file():
        raise InputError(
            f"{spell('experiment')} must be a file, or the name of a shipped Experiment; got {experiment!r} instead."
        )
