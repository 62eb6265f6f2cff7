"""The pipeline's parameters, put together from what a bundle's papers tell of its steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.parameter_text import escape, plain
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging.cards import card_answers
from headrace.pipelines.definitions.option_fields import option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions

_READING = {name: option.parameters.get("ingest", "") for name, option in option_fields(TrainingOptions).items()}


def restore_file_name(source: str, name: str, scratch: Path) -> str:
    """A file under the name that it had, because the papers hold it; other sources as they are."""
    path = Path(source)
    if "://" in source or not path.is_file() or path.name == name or not name:
        return source
    link = scratch / name
    link.symlink_to(path.absolute())
    return str(link)


def pipeline_arguments(
    steps: Mapping[str, Any], *, source: str, champion: str, bundle: Bundle, scratch: Path
) -> dict[str, Any]:
    """The pipeline's parameters, put together from the steps' arguments.

    Args:
        steps: Arguments by step, as the papers hold them.
        source: Where the table lies.
        champion: The gate's champion; empty for what the papers say.
        bundle: The bundle; its contract is used where a person had given one, and people's answers are taken over.
        scratch: Folder for the search's Experiment, if one was given.

    Raises:
        InputError: If the gate's champion was a folder, which the papers do not name in full.
    """
    read, agreed = dict(steps.get("ingest", {})), dict(steps.get("infer_contract", {}))
    parted, tuned = steps.get("split", {}), dict(steps.get("tune", {}))
    judged = steps.get("gate", {})
    before = champion or str(judged.get("champion", ""))
    if before and "://" not in before and not Path(plain(before)).exists():
        raise InputError(
            f"the gate compared with the champion {quote(plain(before))}, whose folder is not known: give it "
            "with --champion."
        )
    given = agreed.pop("given", False)
    return {
        **agreed,
        **{name: read[parameter] for name, parameter in _READING.items() if parameter in read},
        "missing_values": read.get("missing", []),
        "source": escape(source),
        "contract": escape(str(bundle.folder / "contract.yaml")) if given else "",
        "split_method": parted.get("method", ""),
        "test_size": parted.get("test_size", 0.2),
        "split_format": int(parted.get("format", 1)),  # papers from before there was another one tell of none
        **_search(tuned, scratch),
        **{name: value for name, value in steps.get("evaluate", {}).items() if name != "seed"},
        "thresholds": judged.get("thresholds", {}),
        "champion": escape(before) if champion else before,
        "card": escape(str(bundle.folder / card_answers.FILE)),
        "copies": any((part or {}).get("copy") for part in bundle.json("provenance.json")["data"].values()),
        "seed": int(parted.get("seed", 0)),
    }


def _search(tuned: Mapping[str, Any], scratch: Path) -> dict[str, Any]:
    """Parameters of the search; the papers name as many trials as there were, whatever had ended it."""
    experiment = str(tuned.get("experiment", ""))
    if "\n" in experiment:
        path = scratch / "experiment.yaml"
        path.write_text(experiment, encoding="utf-8")
        experiment = escape(str(path))
    return {
        "families": tuned.get("families", []),
        "experiment": experiment,
        "budget": str(tuned.get("budget", "")),
        "folds": int(tuned.get("folds", 0)),
    }
