"""A bundle that answers with the baseline of another one, of the same contract, made without any row.

What the baseline answers is in ``metrics.json`` (``baseline.shares`` or ``baseline.value``, of the training part). To
a model that looks at no input, the rows of the test part are their actual values alone, and the bundle knows these: the
classes exactly, by its confusion matrix; numbers by the bins of ``profile.json``, which are moved and stretched to what
the baseline's RMSE and R2 say of their mean and spread.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.files import digest, dumps
from headrace.core.base.notes import Note
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.drift import reference_profile
from headrace.core.drift.output_profile import OutputProfile, describe_outputs
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.evaluation.baseline import BaselineAnswer
from headrace.core.evaluation.evaluation_document import (
    BundleMetrics,
    ConfusionMatrix,
    IntervalCaution,
    SamplingUnit,
)
from headrace.core.features import matrix_layout
from headrace.core.features.model_matrix import Target
from headrace.core.inference import engine, explain
from headrace.core.models import fitted_model as models
from headrace.core.models import skops_file
from headrace.core.models.constant_model import FAMILY, make_constant_model
from headrace.core.models.fitted_model import Model
from headrace.core.onnx_export.parity import TOLERANCE
from headrace.core.packaging import bundle_files, cases, distributions, environment, flavors, sbom
from headrace.core.packaging.cards import card_answers
from headrace.core.packaging.cards.card_facts import CardFacts
from headrace.core.packaging.code_version import code_version
from headrace.core.packaging.package import write
from headrace.core.packaging.provenance_document import Provenance, RecordedCode, RecordedSearch
from headrace.core.splits.clusters import by_row
from headrace.core.statistics import bootstrap, residuals
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics


def make_baseline_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Make a bundle that answers every row with the baseline of another one; equal bundles give equal bytes.

    Args:
        bundle: The bundle, of which no row is read.
        folder: Where to write the new one; it appears when it is complete, in place of an older one.

    Returns:
        The new bundle, of the same name and contract.

    Raises:
        InputError: If the bundle is a baseline itself, or does not say what its baseline answers.
        BundleError: If a document in it cannot be used.
    """
    try:
        contract = contract_yaml.load(bundle.folder / "contract.yaml")
        metrics = BundleMetrics.from_json(bundle.json("metrics.json"))
        provenance = Provenance.from_json(bundle.json("provenance.json"))
        facts = bundle.json("model.json")
        held = {entry.path for entry in bundle.manifest.files}
        profile = (
            ReferenceProfile.from_json(bundle.json(reference_profile.FILE)) if reference_profile.FILE in held else None
        )
        train, family, original = dict(facts["train"]), str(facts["family"]), bundle.json("cases.json")
    except (KeyError, TypeError, InputError) as error:
        raise BundleError(
            f"the documents in {bundle.folder} must be those that Headrace wrote; package the model again."
        ) from error
    if provenance.imported:
        raise InputError(
            f"{bundle.name} was imported, and nobody knows what its baseline answers: roll back to another version."
        )
    if contract.task == "anomaly":
        raise InputError(
            f"{bundle.name} is an anomaly model, and there is no baseline that could answer in its place: roll back to "
            "another version, or take the endpoint down."
        )
    if family == FAMILY:
        raise InputError(f"{bundle.name} {bundle.digest[:12]} is a baseline already: roll back to another version.")
    answer, part = _find_answer(bundle, contract, metrics)
    outcome = answer.predict(_known_actuals(bundle, contract, metrics, profile), contract)
    model = make_constant_model(contract, shares=answer.shares, value=answer.value, train=train)
    card = CardFacts(
        _measure(outcome, metrics, contract),
        _describe_origin(provenance, bundle, answer, contract=contract, part=part),
        environment.environment(),
    )
    files = _render(model, card, card_answers.load(bundle.folder / card_answers.FILE))
    documents: dict[str, Any] = {"cases.json": cases.remake(model, original)}
    if profile:
        documents[reference_profile.FILE] = replace(profile, outputs=_profile_outputs(outcome, contract)).as_json()
    files |= {name: dumps(document).encode() for name, document in documents.items()}
    return write(folder, {**files, "contract.yaml": bundle.folder / "contract.yaml"}, name=bundle.name)


def _find_answer(bundle: Bundle, contract: Contract, metrics: BundleMetrics) -> tuple[BaselineAnswer, str]:
    """Return what the baseline answers, and of which part of the table it is."""
    recorded = metrics.baseline
    if recorded.shares is not None:
        return BaselineAnswer(np.array([recorded.shares[name] for name in matrix_layout.classes(contract)])), "training"
    if recorded.value is not None:
        return BaselineAnswer(value=recorded.value), "training"
    # Bundles of before the baseline's answer was recorded know that of the test part, a fair sample of the same table.
    if metrics.confusion is not None:
        counts = np.array(metrics.confusion.rows, dtype=np.float64).sum(axis=1)
        return BaselineAnswer(counts / counts.sum()), "test"
    raise InputError(
        f"metrics.json of {bundle.name} must hold the mean of the training part (baseline.value) to make a baseline of "
        "a regression; it does not: package the model again with its training rows."
    )


def _known_actuals(
    bundle: Bundle, contract: Contract, metrics: BundleMetrics, profile: ReferenceProfile | None
) -> Target:
    """Return the encoded targets (n,) of the rows that were measured, in no order."""
    if metrics.confusion is not None:
        counts = np.array(metrics.confusion.rows, dtype=np.int64).sum(axis=1)
        return np.repeat(np.arange(len(matrix_layout.classes(contract))), counts)
    if profile is None:
        raise InputError(
            f"the bundle of {bundle.name} must hold {reference_profile.FILE} to make a baseline of a regression; it "
            "does not: package the model again with its training rows."
        )
    values, known = _spread(profile.outputs), metrics.baseline
    mean, deviation, spread = float(values.mean()), float(values.std()), float(values.std())
    rmse, r2 = known.metrics.get("rmse"), known.metrics.get("r2")
    if known.value is not None and rmse is not None and r2 is not None and r2 < 1:
        # 1 - R2 is the mean squared error by the variance of what was true; the rest of it is the baseline's own bias.
        deviation = float(np.sqrt(rmse**2 / (1 - r2)))
        bias = float(np.sqrt(max(rmse**2 - deviation**2, 0.0)))
        mean = known.value + float(np.copysign(bias, mean - known.value))
    return np.asarray(mean + (values - values.mean()) * (deviation / spread if spread else 0.0))


def _spread(outputs: OutputProfile) -> Floats:
    """Return numbers (n,) with the counts of the profile, spread evenly over each bin."""
    edges, counts = np.array(outputs.actual.edges or ()), outputs.actual.counts
    if len(edges) < 2:
        return np.zeros(outputs.rows)
    limits = np.concatenate([edges[:1], edges, edges[-1:]])
    parts = [
        low + (high - low) * (np.arange(count) + 0.5) / max(count, 1)
        for low, high, count in zip(limits[:-1], limits[1:], counts, strict=True)
    ]
    return np.concatenate(parts)


def _measure(outcome: EvaluatedRows, original: BundleMetrics, contract: Contract) -> BundleMetrics:
    """Measure the baseline on the rows on which the other model was measured."""
    clusters = by_row(len(outcome))
    sample = bootstrap.resample([outcome], seed=original.plan.seed, clusters=clusters)
    metrics = bootstrap.intervals(outcome, sample)
    names = tuple(metrics)
    text = "A baseline is measured without reading a row, so that each row counts as one draw"
    cautions = [IntervalCaution(names, f"{text}.")]
    if outcome.values is not None:
        known = "What was true is known in bins only, beside the baseline's RMSE and R2."
        cautions.append(IntervalCaution(names, known))
    return replace(
        original,
        metrics=metrics,
        undefined=tuple(sorted(set(compute_metrics(outcome)) - set(metrics))),
        resampled_by=SamplingUnit(clusters.by, clusters.count, clusters.sentence),
        cautions=tuple(cautions),
        baseline=replace(original.baseline, comparison=None),
        threshold=None,
        confusion=_confusion(outcome, contract),
        slices=(),
        residuals=None
        if outcome.values is None
        else replace(residuals.describe(np.asarray(outcome.actual, dtype=np.float64), outcome.values), points=None),
    )


def _confusion(outcome: EvaluatedRows, contract: Contract) -> ConfusionMatrix | None:
    if outcome.labels is None:
        return None
    names = matrix_layout.classes(contract)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (outcome.actual.astype(np.int64), outcome.labels), 1)
    return ConfusionMatrix(tuple(names), tuple(tuple(row) for row in counts.tolist()))


def _profile_outputs(outcome: EvaluatedRows, contract: Contract) -> OutputProfile:
    return describe_outputs(outcome, matrix_layout.classes(contract))


def _describe_origin(
    original: Provenance, bundle: Bundle, answer: BaselineAnswer, *, contract: Contract, part: str
) -> Provenance:
    """Say what the bundle is: no learned model, but the baseline of another version."""
    code = code_version()
    says = (
        {"value": answer.value}
        if answer.shares is None
        else {"shares": dict(zip(matrix_layout.classes(contract), answer.shares.tolist(), strict=True))}
    )
    what = "the mean of the target" if answer.shares is None else "the shares of the classes"
    sentence = (
        f"This is no learned model: it answers every row with {what} in the {part} part of version "
        f"{bundle.digest[:12]}, and was made to take its place."
    )
    note = Note(
        "warning", "", FAMILY, original.rows.train, sentence, "Put a model in its place when one is good again."
    )
    return replace(
        original,
        made_with=f"headrace {code.version}",
        code=RecordedCode(**{**code.as_json(), "changed": code.changed}),
        data=replace(
            original.data,
            train=original.data.train and replace(original.data.train, copy=""),
            validation=None,
            test=original.data.test and replace(original.data.test, copy=""),
        ),
        parameters={FAMILY: {"of": bundle.digest, "part": part, **says}},
        search=RecordedSearch(family=FAMILY),
        seed=0,
        findings=(note,),
        verdict=None,
        arguments=None,
        steps=None,
    )


def _render(model: Model, facts: CardFacts, answers: card_answers.CardAnswers) -> dict[str, bytes | Path]:
    skops, table = skops_file.dumps(model.pipeline), facts.provenance.table
    record = {
        "format": engine.FORMAT,
        "engine": "sklearn",
        "reason": "the answer does not depend on the row.",
        "tolerance": TOLERANCE,
        "parity": None,
    }
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
        flavors.MLFLOW: flavors.mlmodel(),
        environment.LOCKED: environment.lock_requirements(),
        environment.SERVING: environment.serving_requirements("sklearn"),
        sbom.FILE: sbom.write(
            {"name": model.contract.name, "sha256": digest(skops), "licence": answers["licence"]},
            {"name": table.source, "sha256": table.digest, "licence": answers["data_licence"]},
            distributions.installed_suite(),
        ),
        **bundle_files.render_answered_files(model, facts, answers),
    }
    return {
        "model.skops": skops,
        **{name: dumps(document).encode() for name, document in documents.items()},
        **{name: text.encode() for name, text in texts.items()},
    }
