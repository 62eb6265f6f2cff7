"""The documents of a bundle: every file but the manifest."""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.base.files import digest, dumps
from headrace.core.contracts import contract_yaml
from headrace.core.drift import reference_profile
from headrace.core.drift.input_profile import InputProfile, profiled_columns
from headrace.core.drift.output_profile import describe_outputs
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.evaluation.evaluate import predict
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.inference import engine, explain
from headrace.core.models import fitted_model as models
from headrace.core.models import model_files, skops_file
from headrace.core.models.fitted_model import Model
from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.onnx_export.graph import InexactError
from headrace.core.onnx_export.parity import TOLERANCE, convert_exactly
from headrace.core.packaging import cases, distributions, environment, flavors, sbom
from headrace.core.packaging import data_digest as data
from headrace.core.packaging.bundle_content import BundleContent
from headrace.core.packaging.cards import card_answers, model_card, pages, risk_sheet
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.cards.phrases import shown_slices
from headrace.core.packaging.provenance import provenance, public_name

TYPES = "model.skops.types.json"


def render_files(content: BundleContent, source: Mapping[str, Any]) -> dict[str, bytes]:
    """Render each file of a bundle, by its path in it.

    Args:
        content: The content; its model has the threshold that it is served with.
        source: Metadata of ingest's table.
    """
    model, test = content.model, content.test
    own = dict(content.model_files) or model_files.render(model.pipeline, model.contract)
    record, onnx = _engine(content)
    facts = CardFacts(_metrics(content), provenance(content, source), environment.environment())
    documents = {
        "model.json": models.facts(model),
        engine.RECORD: record,
        explain.FILE: explain.explain_document(model, model.encode(test)),
        "cases.json": cases.make(model, test, _actuals(model, test)),
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
        sbom.FILE: _bill(content, source, next(iter(own.values()))),
        **render_answered_files(model, facts, content.answers),
    }
    if model_files.SKOPS in own:
        documents[TYPES] = {"format": 1, "types": skops_file.types(own[model_files.SKOPS])}
    if content.inputs is not None:
        documents[reference_profile.FILE] = _profile(content, content.inputs).as_json()
    return {
        **own,
        **({engine.FILE: onnx} if onnx else {}),
        **{name: dumps(document).encode() for name, document in documents.items()},
        **{name: text.encode() for name, text in texts.items()},
    }


def _actuals(model: Model, test: pl.DataFrame) -> pl.Series:
    """Return the target of the test rows (n,); missing values where there is none."""
    column = model.contract.label_column
    return test.get_column(column.name) if column else pl.repeat(None, test.height, dtype=pl.String, eager=True)


def render_answered_files(model: Model, facts: CardFacts, answers: CardAnswers) -> dict[str, str]:
    """Render the documents that hold people's answers: their own file, the card and the risk sheet.

    Args:
        model: The model.
        facts: What the bundle says of the model.
        answers: Answers of people.
    """
    card, risks = model_card.write(model, facts, answers), risk_sheet.write(model, facts, answers)
    return {
        card_answers.FILE: card_answers.dump(answers, model.contract.name),
        "card.md": card,
        "card.html": pages.page(card),
        "risk.md": risks,
        "risk.html": pages.page(risks),
    }


def _bill(content: BundleContent, source: Mapping[str, Any], model: bytes) -> str:
    """Write the software bill of materials."""
    answers = content.answers
    table = {"name": public_name(str(source.get("source", ""))), "sha256": str(source.get("digest", ""))}
    return sbom.write(
        {"name": content.model.contract.name, "sha256": digest(model), "licence": answers["licence"]},
        {**table, "licence": answers["data_licence"]},
        distributions.installed_suite(),
    )


def data_files(content: BundleContent) -> dict[str, bytes | Path]:
    """Return the rows that the model was fitted and measured on, as Parquet files below ``data/``."""
    buffer = io.BytesIO()
    content.test.write_parquet(buffer, compression="zstd", compression_level=1)
    train = content.train.files if content.train else ()
    return {
        f"{data.FOLDER}/test/part-00000.parquet": buffer.getvalue(),
        **{f"{data.FOLDER}/train/{path.name}": path for path in train},
    }


def _metrics(content: BundleContent) -> BundleMetrics:
    """Select what was measured, without the curves and points, and without values of personal columns."""
    selected = content.evaluation.select_bundle_metrics()
    return replace(selected, slices=shown_slices(selected.slices, content.model.contract))


def _profile(content: BundleContent, inputs: InputProfile) -> ReferenceProfile:
    """Describe the rows that the model was fitted and measured on, for the monitors of its use."""
    model = content.model
    tested = None
    if model.contract.task == "regression":
        tested = model.encode(content.test)[:, profiled_columns(model.contract)], inputs.counts
    outputs = describe_outputs(predict(model, content.test), model.classes, tested)
    return ReferenceProfile(
        reference_profile.FORMAT,
        reference_profile.contract_digest(model.contract),
        inputs.counts.record(),
        outputs,
        inputs.repeats,
        inputs.joint,
        inputs.variations,
    )


def _engine(content: BundleContent) -> tuple[dict[str, Any], bytes]:
    """Return the content of ``engine.json``, and the model as ONNX; empty if no ONNX form predicts the same."""
    fallback = engine.MOJO if isinstance(content.model.pipeline[-1], MojoEstimator) else "sklearn"
    record = {"format": engine.FORMAT, "engine": fallback, "reason": "", "tolerance": TOLERANCE, "parity": None}
    try:
        export = convert_exactly(content.model, content.model.encode(content.test))
    except InexactError as error:
        return {**record, "reason": str(error)}, b""
    return {**record, "engine": "onnx", "parity": export.parity.as_json()}, export.content
