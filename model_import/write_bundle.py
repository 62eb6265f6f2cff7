"""The bundle of an imported model: made without any row, so that what only rows tell is recorded as unknown."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headrace.core.base.errors import HeadraceError, InputError
from headrace.core.base.files import digest, dumps
from headrace.core.base.notes import Note
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Column, Contract
from headrace.core.evaluation.evaluation_document import (
    BaselineMeasures,
    BundleMetrics,
    EvaluatedCounts,
    EvaluationParameters,
    SamplingUnit,
)
from headrace.core.inference import engine, explain
from headrace.core.models import fitted_model as models
from headrace.core.models import skops_file
from headrace.core.models.fitted_model import Model
from headrace.core.onnx_export.graph import InexactError
from headrace.core.onnx_export.parity import TOLERANCE, convert_exactly
from headrace.core.packaging import bundle_files, cases, distributions, environment, flavors, sbom
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.code_version import code_version
from headrace.core.packaging.package import write
from headrace.core.packaging.provenance_document import (
    Provenance,
    RecordedCode,
    RecordedCounts,
    RecordedData,
    RecordedImport,
    RecordedSearch,
    RecordedTable,
)
from headrace.core.validation.records import table, validate_records
from headrace.model_import.imported_model import ImportedModel

UNKNOWN = "Nothing is known of how good this model is: no row was measured when it was imported"


def write_imported_bundle(
    imported: ImportedModel,
    contract: Contract,
    folder: Path,
    *,
    origin: RecordedImport,
    example: Sequence[Mapping[str, Any]],
    threshold: float | None = None,
    answers: CardAnswers | None = None,
) -> Bundle:
    """Write the bundle of an imported model; equal models give equal bytes.

    Args:
        imported: The model.
        contract: Its contract.
        folder: Where to write it; it appears when it is complete.
        origin: Where the model comes from.
        example: Rows of its input example; empty for rows that are made of the contract alone.
        threshold: Lowest probability of the positive class at which it is predicted; None to answer as the model did.
        answers: Answers of people for card and risk sheet.

    Raises:
        InputError: If the model cannot be stored as data, or answers none of the rows.
    """
    model = _model(imported, contract, threshold)
    requests, notes = _requests(model, example)
    rows = model.encode(validate_records(table(requests, contract), contract))
    record, graph = _engine(model, imported, rows)
    provenance = _provenance(origin, [*imported.notes, *notes, *_engine_notes(imported, record)])
    facts = CardFacts(_metrics(contract), provenance, environment.environment())
    files = _render(model, facts, answers or CardAnswers(), record)
    if graph:
        files[engine.FILE] = graph
    files["cases.json"] = dumps(cases.answer_requests(model, requests)).encode()
    return write(folder, files, name=contract.name)


def _model(imported: ImportedModel, contract: Contract, threshold: float | None) -> Model:
    """Return the model as its bundle will load it, with every type and tree checked."""
    try:
        pipeline = skops_file.loads(skops_file.dumps(imported.estimator))
    except HeadraceError as error:
        raise InputError(f"the model must be made of reviewed parts to be imported; {error}") from error
    model = Model(
        pipeline=pipeline,
        contract=contract,
        family=imported.family,
        parameters={},
        seed=0,
        train={"rows": 0, "digest": ""},
    )
    # Of two equal probabilities scikit-learn and XGBoost predict the first class.
    half = math.nextafter(0.5, 1.0) if contract.task == "binary" and model.positive == 1 else 0.5
    return model.with_threshold(half if threshold is None else threshold)


def _requests(model: Model, example: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[Note]]:
    """Return the requests of the test cases: rows of the example that the contract takes, else rows made of it."""
    names = [column.name for column in model.contract.inputs]
    rows = [{name: row.get(name) for name in names} for row in example]
    kept = [row for row in rows if _is_valid(model, row)]
    notes = []
    if len(kept) < len(rows):
        sentence = f"{len(rows) - len(kept)} rows of the input example break the contract, and are no test cases."
        notes.append(Note("info", "", "input_example", len(rows) - len(kept), sentence))
    if not kept:
        kept = _make_rows(model)
        sentence = "The model has no input example that could be used: the test cases are made of its contract alone."
        notes.append(Note("info", "", "input_example", 0, sentence, "Log the model with an input example."))
    return kept, notes


def _make_rows(model: Model) -> list[dict[str, Any]]:
    inputs = model.contract.inputs
    rows = [{column.name: _value(column, place) for column in inputs} for place in range(3)]
    rows += [{column.name: None if column.missing else _value(column, 0) for column in inputs}]
    kept = [row for row in rows if _is_valid(model, row)]
    if not kept:
        raise InputError("the model must answer a row of its contract to be imported; it answers none.")
    return kept


def _value(column: Column, place: int) -> Any:
    if column.categories:
        text = column.categories[place % len(column.categories)]
        return int(text) if column.dtype == "integer" else text
    return {"number": float(place), "integer": place, "boolean": bool(place % 2)}.get(column.dtype, "")


def _is_valid(model: Model, row: Mapping[str, Any]) -> bool:
    try:
        predicted = model.predict(validate_records(table([row], model.contract), model.contract))
    except (HeadraceError, ValueError):
        return False
    scores = predicted.values if predicted.probabilities is None else predicted.probabilities
    return scores is not None and bool(np.isfinite(scores).all())


def _engine(model: Model, imported: ImportedModel, rows: Any) -> tuple[dict[str, Any], bytes]:
    record = {"format": engine.FORMAT, "engine": "sklearn", "reason": "", "tolerance": TOLERANCE, "parity": None}
    if imported.graph:
        return {**record, "engine": "onnx"}, imported.graph
    try:
        export = convert_exactly(model, rows)
    except InexactError as error:
        return {**record, "reason": str(error)}, b""
    return {**record, "engine": "onnx", "parity": export.parity.as_json()}, export.content


def _engine_notes(imported: ImportedModel, record: Mapping[str, Any]) -> list[Note]:
    if imported.graph or record["engine"] == "onnx":
        return []
    return [Note("info", "", "engine", 0, f"scikit-learn itself answers: {record['reason']}")]


def _provenance(origin: RecordedImport, notes: Sequence[Note]) -> Provenance:
    code = code_version()
    unknown = Note(
        "warning", "", "imported", 0, f"{UNKNOWN}.", "Measure it on labelled rows before it decides anything."
    )
    return Provenance(
        format=2,
        made_with=f"headrace {code.version}",
        code=RecordedCode(**{**code.as_json(), "changed": code.changed}),
        table=RecordedTable(source="", digest="", rows=0, columns=0, licence="", origin=""),
        data=RecordedData(train=None, validation=None, test=None),
        rows=RecordedCounts(train=0),
        train={"rows": 0, "digest": ""},
        parameters={},
        search=RecordedSearch(),
        seed=0,
        findings=(unknown, *sorted(notes, key=lambda note: (note.severity != "warning", note.rule, note.column))),
        verdict=None,
        imported=origin,
    )


def _metrics(contract: Contract) -> BundleMetrics:
    return BundleMetrics(
        task=contract.task,
        positive=contract.positive,
        on="test",
        rows=EvaluatedCounts(train=0),
        metrics={},
        undefined=(),
        resampled_by=SamplingUnit("row", 0, UNKNOWN),
        cautions=(),
        baseline=BaselineMeasures("unknown", {}, None),
        threshold=None,
        confusion=None,
        plan=EvaluationParameters((), 1.0, 1.0, 0),
        slices=(),
        residuals=None,
    )


def _render(model: Model, facts: CardFacts, answers: CardAnswers, record: Mapping[str, Any]) -> dict[str, bytes | Path]:
    skops = skops_file.dumps(model.pipeline)
    documents = {
        "model.json": models.facts(model),
        bundle_files.TYPES: {"format": 1, "types": skops_file.types(skops)},
        engine.RECORD: record,
        explain.FILE: {"format": explain.FORMAT, "exact": False},
        "metrics.json": facts.metrics.as_json(),
        "environment.json": facts.environment,
        "provenance.json": facts.provenance.as_json(),
        flavors.MLSERVER: flavors.model_settings(model.contract.name),
    }
    texts = {
        "contract.yaml": contract_yaml.dump(model.contract),
        flavors.MLFLOW: flavors.mlmodel(),
        environment.LOCKED: environment.lock_requirements(),
        environment.SERVING: environment.serving_requirements(record["engine"]),
        sbom.FILE: sbom.write(
            {"name": model.contract.name, "sha256": digest(skops), "licence": answers["licence"]},
            {"name": "", "sha256": "", "licence": answers["data_licence"]},
            distributions.installed_suite(),
        ),
        **bundle_files.render_answered_files(model, facts, answers),
    }
    return {
        "model.skops": skops,
        **{name: dumps(document).encode() for name, document in documents.items()},
        **{name: text.encode() for name, text in texts.items()},
    }
