"""Rebuilds the pipeline's parameters from the steps' arguments in a bundle's provenance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.parameter_text import escape, plain
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging.cards import card_answers
from headrace.core.packaging.provenance_document import Provenance
from headrace.pipelines.definitions.option_fields import option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions

_READING = {name: option.parameters.get("ingest", "") for name, option in option_fields(TrainingOptions).items()}


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
        InputError: If the gate's champion was a folder, which the provenance does not name in full.
    """
    steps = provenance.arguments or {}
    ingest_arguments, contract_arguments = dict(steps.get("ingest", {})), dict(steps.get("infer_contract", {}))
    split_arguments, tune_arguments = steps.get("split", {}), dict(steps.get("tune", {}))
    gate_arguments = steps.get("gate", {})
    recorded_champion = champion or str(gate_arguments.get("champion", ""))
    if recorded_champion and "://" not in recorded_champion and not Path(plain(recorded_champion)).exists():
        raise InputError(
            f"the gate compared with the champion {quote(plain(recorded_champion))}, whose folder is not known: give "
            "it with --champion."
        )
    has_contract = contract_arguments.pop("given", False)
    return {
        **contract_arguments,
        **{name: ingest_arguments[parameter] for name, parameter in _READING.items() if parameter in ingest_arguments},
        "missing_values": ingest_arguments.get("missing", []),
        "source": escape(source),
        "contract": escape(str(bundle.folder / "contract.yaml")) if has_contract else "",
        "split_method": split_arguments.get("method", ""),
        "test_size": split_arguments.get("test_size", 0.2),
        "split_format": int(split_arguments.get("format", 1)),  # the first format was not recorded
        **_search(tune_arguments, scratch),
        **{name: value for name, value in steps.get("evaluate", {}).items() if name != "seed"},
        "thresholds": gate_arguments.get("thresholds", {}),
        "champion": escape(recorded_champion) if champion else recorded_champion,
        "card": escape(str(bundle.folder / card_answers.FILE)),
        "copies": bool(provenance.data.copied),
        "seed": int(split_arguments.get("seed", 0)),
    }


def _search(arguments: Mapping[str, Any], scratch: Path) -> dict[str, Any]:
    """Return the search's parameters; the recorded budget is the number of trials, whatever ended the search."""
    experiment = str(arguments.get("experiment", ""))
    if "\n" in experiment:
        path = scratch / "experiment.yaml"
        path.write_text(experiment, encoding="utf-8")
        experiment = escape(str(path))
    return {
        "families": arguments.get("families", []),
        "experiment": experiment,
        "budget": str(arguments.get("budget", "")),
        "folds": int(arguments.get("folds", 0)),
    }
