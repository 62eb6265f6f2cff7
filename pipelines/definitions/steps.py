"""The steps that the table pipelines share: from a source to an evaluated model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp import dsl, kubernetes

from headrace.components import (
    engineer,
    evaluate,
    fingerprint,
    gate,
    infer_contract,
    ingest,
    package,
    register,
    report,
    split,
    train,
    tune,
    validate,
)
from headrace.components import publish as publish_bundle
from headrace.core.base.secret_names import RECORDS_SECRET, STORE_SECRET, STORE_VARIABLES
from headrace.core.base.settings import RECORDS
from headrace.pipelines.definitions.option_fields import step_arguments
from headrace.pipelines.definitions.training_options import TrainingOptions

Arguments = Mapping[str, Any]
Channel = Any


@dataclass(frozen=True)
class DataOutputs:
    """Outputs of the steps that prepare a table for training.

    Attributes:
        table: Table as ``ingest`` wrote it.
        contract: Its contract.
        checks: Counts of ``validate``.
        valid_table: Rows that satisfy the contract.
        train_table: Rows for training.
        test_table: Rows for testing, without the target.
        test_actuals: Their target.
    """

    table: Channel
    contract: Channel
    checks: Channel
    valid_table: Channel
    train_table: Channel
    test_table: Channel
    test_actuals: Channel


@dataclass(frozen=True)
class ModelOutputs:
    """Outputs of the steps from the search to the bundle.

    Attributes:
        trials: Trials of the search.
        evaluation: Metrics on the test rows.
        verdict: The gate's verdict.
        use: The gate's decision on the model: serve, publish or keep.
        bundle: The packaged model.
    """

    trials: Channel
    evaluation: Channel
    verdict: Channel
    use: Channel
    bundle: Channel


def with_store(task: dsl.PipelineTask) -> None:
    """Give a step the object store's address and keys from the cluster's Secret; the local runner ignores this."""
    names = {name: name for name in STORE_VARIABLES}
    kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env=names, optional=True)


def with_records(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Give a step the addresses of registry, catalogue and lineage that the cluster's Secret has."""
    kubernetes.use_secret_as_env(
        task, secret_name=RECORDS_SECRET, secret_key_to_env={name: name for name in RECORDS}, optional=True
    )
    return task


def add_training_steps(options: Arguments, *, use_args: Arguments | None = None) -> tuple[DataOutputs, ModelOutputs]:
    """Wire the steps from ingest to package, which training and replay share.

    Args:
        options: The training pipeline's parameters, by name.
        use_args: Arguments of ``gate`` that say how to use the model; None to neither publish nor serve it.
    """
    known_fingerprints = add_fingerprint_step(**_arguments_of("fingerprint", options))
    rows = add_data_steps(
        fingerprint_of=known_fingerprints,
        ingest_args=_arguments_of("ingest", options),
        contract_args=_arguments_of("infer_contract", options),
        split_args=_arguments_of("split", options),
    )
    return rows, _add_model_steps(rows, fingerprint_of=known_fingerprints, options=options, use_args=use_args or {})


def _arguments_of(step: str, options: Arguments) -> Arguments:
    return step_arguments(TrainingOptions, step, options)


def add_fingerprint_step(**addresses: Channel) -> Arguments:
    """Add a step that computes the fingerprint of each address of a run; return them by the names of the parameters.

    A step that reads an address gets its fingerprint too, so that the cache serves an earlier result only for the same
    content. Without it, the same address would be enough, whatever its content now is.
    """
    task = fingerprint(**addresses)
    task.set_caching_options(False)
    with_store(task)
    return {name: task.outputs[name] for name in addresses}


def add_data_steps(
    *, fingerprint_of: Arguments, ingest_args: Arguments, contract_args: Arguments, split_args: Arguments
) -> DataOutputs:
    """Ingest a table, infer a contract, validate, add row features, split.

    Args:
        fingerprint_of: Fingerprints of ``source`` and, if there is one, of ``contract``.
        ingest_args: Arguments of ``ingest``.
        contract_args: Arguments of ``infer_contract``.
        split_args: Arguments of ``split``.
    """
    ingested = ingest(**ingest_args, fingerprint=fingerprint_of["source"])
    with_store(ingested)
    with_records(ingested)
    table = ingested.outputs["table"]
    inferred = infer_contract(table=table, **contract_args, fingerprint=fingerprint_of.get("contract", ""))
    with_store(inferred)
    agreed = inferred.outputs["contract"]
    validated = with_records(validate(table=table, contract=agreed))
    valid_table = validated.outputs["valid_table"]
    features = engineer(table=valid_table, contract=agreed).outputs["feature_table"]
    parts = split(table=features, contract=agreed, **split_args).outputs
    return DataOutputs(
        table=table,
        contract=agreed,
        checks=validated.outputs["checks"],
        valid_table=valid_table,
        train_table=parts["train_table"],
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
    )


def _add_model_steps(
    rows: DataOutputs, *, fingerprint_of: Arguments, options: Arguments, use_args: Arguments
) -> ModelOutputs:
    """Search, fit, evaluate, pass the gate, package."""
    # A search on Katib may be cached too, because nothing reads what its trials leave. The journal does not count as
    # an input either: it only stores what the same search would find again.
    tuned = tune(
        train_table=rows.train_table,
        contract=rows.contract,
        fingerprint=fingerprint_of["experiment"],
        **_arguments_of("tune", options),
    )
    with_store(tuned)
    best = tuned.outputs["best_parameters"]
    fitted = train(
        train_table=rows.train_table,
        contract=rows.contract,
        best_parameters=best,
        **_arguments_of("train", options),
    )
    model = fitted.outputs["model"]
    evaluation = evaluate(
        model=model,
        train_table=rows.train_table,
        test_table=rows.test_table,
        test_actuals=rows.test_actuals,
        **_arguments_of("evaluate", options),
    ).outputs["evaluation"]
    gated = gate(
        evaluation=evaluation,
        model=model,
        test_table=rows.test_table,
        test_actuals=rows.test_actuals,
        checks=rows.checks,
        fingerprint=fingerprint_of["champion"],
        **_arguments_of("gate", options),
        **use_args,
    )
    with_store(gated)
    verdict = gated.outputs["verdict"]
    packaged = package(
        model=model,
        contract=rows.contract,
        train_table=rows.train_table,
        test_table=rows.test_table,
        test_actuals=rows.test_actuals,
        evaluation=evaluation,
        verdict=verdict,
        best_parameters=best,
        checks=rows.checks,
        table=rows.table,
        fingerprint=fingerprint_of["card"],
        **_arguments_of("package", options),
    )
    with_store(packaged)
    bundle = packaged.outputs["bundle"]
    return ModelOutputs(tuned.outputs["trials"], evaluation, verdict, gated.outputs["use"], bundle)


def add_publish_step(bundle: Channel) -> Channel:
    """Add the step that publishes a bundle; return its address."""
    published = publish_bundle(bundle=bundle)
    published.set_caching_options(False)
    with_store(published)
    return published.outputs["Output"]


def add_report_step(**inputs: Any) -> None:
    """Add the step that writes the report, which runs even if every other step was cached.

    Its inputs show whoever follows the run where the artifacts of cached steps are stored.
    """
    report(**inputs).set_caching_options(False)


def add_register_step(**inputs: Any) -> dsl.PipelineTask:
    """Add the step that registers a model."""
    registered = with_records(register(**inputs))
    registered.set_caching_options(False)
    return registered


def reported_documents(rows: DataOutputs, model: ModelOutputs) -> Arguments:
    """Return what the report of a training shows, as its step takes it."""
    return {
        "table": rows.table,
        "contract": rows.contract,
        "checks": rows.checks,
        "trials": model.trials,
        "evaluation": model.evaluation,
        "verdict": model.verdict,
        "bundle": model.bundle,
    }


def registration_arguments(model: ModelOutputs) -> Arguments:
    """Return the arguments of a registration that may do without a registry."""
    return {"bundle": model.bundle, "job": dsl.PIPELINE_JOB_ID_PLACEHOLDER, "optional": True}
