"""A model of MLflow becomes a bundle."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.notes import Note
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.provenance_document import RecordedImport
from headrace.model_import.contract import PredictionNames, make_contract
from headrace.model_import.flavors import choose_flavor, import_flavor
from headrace.model_import.imported_model import ImportedModel, ReadingOptions
from headrace.model_import.input_example import read_example
from headrace.model_import.model_folder import ModelFolder, read_model_folder
from headrace.model_import.signature import Signature, read_signature
from headrace.model_import.sources import ModelOrigin, open_model
from headrace.model_import.write_bundle import write_imported_bundle


@dataclass(frozen=True)
class ImportOptions:
    """What a person says of a model that is imported.

    Attributes:
        name: Name of the bundle; empty for that of the registered model, or of its folder.
        prediction: What the model predicts, where it does not say.
        column_names: Names of the columns of a model that takes one array; empty for its own, or ``x0`` and so on.
        threshold: Lowest probability of the positive class at which it is predicted; None for the model's own, 0.5.
        answers: Answers for card and risk sheet.
        in_sandbox: Whether a pickled model is loaded in a sandbox, where its code may run.
    """

    name: str = ""
    prediction: PredictionNames = field(default_factory=PredictionNames)
    column_names: tuple[str, ...] = ()
    threshold: float | None = None
    answers: CardAnswers = field(default_factory=CardAnswers)
    in_sandbox: bool = False


def import_model(address: str, folder: Path, *, registry: str = "", options: ImportOptions | None = None) -> Bundle:
    """Make a bundle of a model that MLflow stored.

    Args:
        address: Where the model is; see ``sources.open_model``.
        folder: Folder of the bundle; it must not exist yet, and appears when it is complete.
        registry: Where runs and registered models are; see ``sources.open_model``.
        options: What a person says of it.

    Raises:
        MissingError: If there is no such model.
        InputError: If the folder exists, or the model cannot be imported; the sentence says why.
        StoreError: If a server or a store is down or refuses the login.
    """
    if folder.exists():
        raise InputError(f"{folder} must not exist yet; choose another path, or remove it.")
    with open_model(address, registry=registry) as (path, origin):
        return import_folder(path, folder, origin=origin, options=options)


def import_folder(path: Path, folder: Path, *, origin: ModelOrigin, options: ImportOptions | None = None) -> Bundle:
    """Make a bundle of the folder of a model.

    Args:
        path: The folder with ``MLmodel``.
        folder: Folder of the bundle; it appears when it is complete.
        origin: Where the model comes from.
        options: What a person says of it.

    Raises:
        MissingError: If there is no model.
        InputError: If it cannot be imported; the sentence says why.
    """
    given = options or ImportOptions()
    if folder.resolve().is_relative_to(path.resolve()):
        raise InputError(f"the bundle must not be written into the folder of the model, {path}; choose another path.")
    if given.threshold is not None and not 0 < given.threshold < 1:
        raise InputError(f"the threshold must be above 0 and below 1; got {given.threshold}.")
    model = read_model_folder(path)
    flavor = choose_flavor(model)
    signature = read_signature(model, names=given.column_names)
    imported = import_flavor(model, flavor, signature, ReadingOptions(given.prediction.classes, given.in_sandbox))
    imported = replace(imported, notes=(*imported.notes, *_signature_notes(signature)))
    example = read_example(model, [column.name for column in signature.columns])
    return _write(model, imported, folder, origin=origin, given=given, example=example)


def _write(
    model: ModelFolder,
    imported: ImportedModel,
    folder: Path,
    *,
    origin: ModelOrigin,
    given: ImportOptions,
    example: Sequence[Mapping[str, Any]],
) -> Bundle:
    name = given.name or _name(origin.name or model.path.name)
    contract = make_contract(imported, name, given.prediction)
    if given.threshold is not None and contract.task != "binary":
        raise InputError(f"a threshold belongs to a model of two classes; this one is of the task {contract.task}.")
    record = RecordedImport(
        tool="mlflow",
        version=model.text("mlflow_version"),
        source=origin.public_address,
        flavor=imported.flavor,
        library=imported.library,
        digest=model.digest(),
        model=model.text("model_uuid") or model.text("model_id"),
        run=origin.run or model.text("run_id"),
        registered=origin.registered,
        commit=origin.commit,
        code=imported.code,
    )
    return write_imported_bundle(
        imported, contract, folder, origin=record, example=example, threshold=given.threshold, answers=given.answers
    )


def _signature_notes(signature: Signature) -> list[Note]:
    notes = []
    if not signature.named:
        sentence = f"The model takes one array: its columns are named {signature.columns[0].name} and so on."
        notes.append(Note("info", "", "column_names", len(signature.columns), sentence, "Name them by --column-name."))
    if signature.defaults:
        notes.append(_default_note(signature.defaults))
    return notes


def _default_note(defaults: Mapping[str, object]) -> Note:
    sentence = f"The model's parameters of inference stay at their defaults: {quote(dict(defaults), 300)}."
    return Note("info", "", "parameters", len(defaults), sentence)


def _name(text: str) -> str:
    """Return a name as a contract allows it."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    plain = plain if plain[:1].isalpha() else f"model-{plain}"
    return plain[:40].strip("-")
