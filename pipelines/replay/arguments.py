"""Rebuilds the pipeline's parameters from the steps' arguments in a bundle's provenance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.parameter_text import escape_all
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging.cards import card_answers
from headrace.core.packaging.provenance_document import Provenance
from headrace.pipelines.definitions.option_fields import option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions

_OPTIONS = {
    (step, parameter): option
    for option in option_fields(TrainingOptions).values()
    for step, parameter in option.parameters.items()
}
_NO_OPTIONS = {("split", "cut")}  # a run always chooses its cut


def restore_file_name(source: str, name: str, scratch: Path) -> str:
    """Return a link to a file under its original name, which the provenance records; other sources unchanged."""
    path = Path(source)
    if "://" in source or not path.is_file() or path.name == name or not name:
        return source
    link = scratch / name
    link.symlink_to(path.absolute())
    return str(link)


def pipeline_arguments(
    provenance: Provenance, *, source: str, champion: str, bundle: Bundle, scratch: Path
) -> dict[str, Any]:
    """Return the pipeline's parameters, rebuilt from the steps' arguments.

    Args:
        provenance: The bundle's provenance, which records the arguments by step.
        source: Path or address of the table.
        champion: The gate's champion; empty for the recorded one.
        bundle: The bundle; its contract is used if the run was given one, and its card's answers are copied.
        scratch: Folder for the search's Experiment, if one was given.

    Raises:
        InputError: If the gate's champion was a folder, which the provenance does not name in full, or the arguments
            are those of another version.
    """
    steps = provenance.arguments or {}
    values = recorded_options(steps)
    recorded_champion = champion or str(values.get("champion", ""))
    if recorded_champion and "://" not in recorded_champion and not Path(recorded_champion).exists():
        raise InputError(
            f"the gate compared with the champion {quote(recorded_champion)}, whose folder is not known: "
            "give it with --champion."
        )
    arguments = {
        "split_format": 1,  # the first format was not recorded
        "robustness": "off",  # nor was it measured then
        **values,
        "source": source,
        "contract": str(bundle.folder / "contract.yaml") if values.get("contract") else "",
        "experiment": restore_experiment(str(values.get("experiment", "")), scratch),
        "champion": recorded_champion,
        "card": str(bundle.folder / card_answers.FILE),
        "include_data": bool(provenance.data.copied),
        "seed": int(steps.get("split", {}).get("seed", 0)),
    }
    return escape_all(arguments)


def recorded_options(steps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded arguments by the names of the options of a training.

    Raises:
        InputError: If no option of this version is the argument of a step.
    """
    values = {}
    for step, arguments in steps.items():
        for parameter, value in arguments.items():
            option = _OPTIONS.get((step, parameter))
            if option:
                values[option.name] = int(value) if option.type is int else value
            elif (step, parameter) not in _NO_OPTIONS:
                raise InputError(
                    f"the provenance must name arguments of this version's steps; it names {quote(parameter)} of "
                    f"{quote(step)}, which another version of headrace has: replay the bundle with the version that "
                    "made it."
                )
    return values


def restore_experiment(text: str, scratch: Path) -> str:
    """Return the name of a shipped Experiment, or the file into which the recorded one is written."""
    if "\n" not in text:
        return text
    path = scratch / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)
