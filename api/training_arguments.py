"""The options of a run as a caller writes them, completed and checked before anything starts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.api.model_names import default_name, model_name
from headrace.core.base.errors import InputError, quote
from headrace.core.base.remedies import require_store
from headrace.core.contracts.profiling.conventions import check_marks
from headrace.experiments.search import budget
from headrace.pipelines.definitions.training_checks import check_training
from headrace.pipelines.definitions.training_options import TrainingOptions

Spelling = Callable[[str], str]


def prepare_options(values: Mapping[str, Any], *, spell: Spelling = str) -> TrainingOptions:
    """Check the options of a run, and complete them.

    Args:
        values: Values by the names of ``TrainingOptions``, with every name that a caller may set; an empty ``name``
            stands for the table's, and separator and marks may be typed as words.
        spell: Returns the name of an option for messages: ``test_size``, or ``--test-size`` on the command line.

    Raises:
        InputError: If an option is invalid, or a search on Katib has no object store.
        MissingError: If a named file does not exist.
    """
    prepared = {
        **values,
        "name": model_name(values["name"] or default_name(values["source"])),
        "delimiter": field_separator(values["delimiter"]),
        "budget": search_budget(values["budget"], spell=spell),
        **number_marks(values["decimal"], values["thousands"], spell=spell),
    }
    check_training(TrainingOptions, prepared, spell=spell)
    options = TrainingOptions(**prepared)
    _check_search(options, spell)
    if values["name"] and options.contract:
        _check_name(options, spell)
    if options.card:
        from headrace.core.packaging.cards import card_answers  # noqa: PLC0415 - YAML, which --help need not load

        card_answers.load(Path(options.card))
    return options


def field_separator(text: str) -> str:
    """Return a field separator; a backslash and a t may be typed for a tab."""
    return "\t" if text == "\\t" else text


def search_budget(text: str, *, spell: Spelling = str) -> str:
    """Check and return the budget of a search.

    Args:
        text: Trials such as ``20``, or a time such as ``90s``, ``5m`` or ``1h``; empty for the default.
        spell: Returns the name of the option for messages.

    Raises:
        InputError: If it is neither.
    """
    if text:
        try:
            budget.parse(text)
        except InputError as error:
            raise InputError(f"{spell('budget')}{str(error).removeprefix('a budget')}") from error
    return text


def number_marks(decimal: str, thousands: str, *, spell: Spelling = str) -> dict[str, str]:
    """Check the marks of numbers; return them by the names of ``TrainingOptions``.

    Args:
        decimal: The decimal mark; empty to detect it.
        thousands: The mark between groups of three digits, ``space`` for a blank; empty to detect it.
        spell: Returns the names of the options for messages.

    Raises:
        InputError: If no notation uses these marks.
    """
    blank = {"space": " ", "blank": " "}.get(thousands, thousands)
    check_marks(decimal, blank, spell=spell)
    return {"decimal": decimal, "thousands": blank}


def _check_name(options: TrainingOptions, spell: Spelling) -> None:
    """Raise if a name that is given is not that of the given contract, which names the model."""
    from headrace.core.contracts import contract_yaml  # noqa: PLC0415 - as above
    from headrace.stores.sources.small_file import one_file  # noqa: PLC0415 - as above

    with one_file(options.contract) as file:
        contract = contract_yaml.load(file)
    if options.name != model_name(contract.name):
        raise InputError(
            f"{spell('name')} must be the contract's, {quote(contract.name)}; got {quote(options.name)} instead; edit "
            f"the name in {options.contract} or leave out {spell('name')}."
        )


def _check_search(options: TrainingOptions, spell: Spelling) -> None:
    """Raise before the run what the search would raise after all the steps before it."""
    on_katib, where = options.tuner == "katib", spell("tuner")
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
