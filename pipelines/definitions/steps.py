"""What the pipelines of a table have in common: from a source to a judged model."""

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
    split,
    train,
    tune,
    validate,
)
from headrace.core.base.secret_names import RECORDS_SECRET, STORE_SECRET, STORE_VARIABLES
from headrace.core.base.settings import RECORDS
from headrace.pipelines.definitions.option_fields import step_arguments
from headrace.pipelines.definitions.training_options import TrainingOptions

Arguments = Mapping[str, Any]
Channel = Any


@dataclass(frozen=True)
class DataOutputs:
    """Outputs of the steps that make a table ready to learn from.

    Attributes:
        table: Table as ingest left it.
        contract: Its contract.
        checks: What ``validate`` counted.
        valid_table: Rows that keep the contract.
        train_table: Rows to learn from.
        test_table: The others, without the target.
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
        trials: What the search tried.
        evaluation: What was measured on the test rows.
        verdict: What the gate decided.
        use: What is to be done with the model, as the gate decided.
        bundle: The packaged model.
    """

    trials: Channel
    evaluation: Channel
    verdict: Channel
    use: Channel
    bundle: Channel


def with_store(task: dsl.PipelineTask) -> None:
    """Give a step the object store's address and keys from the cluster's Secret; a laptop's runner ignores this."""
    names = {name: name for name in STORE_VARIABLES}
    kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env=names, optional=True)


def with_records(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Give a step the addresses of registry, catalogue and lineage, as far as the cluster's Secret has them."""
    kubernetes.use_secret_as_env(
        task, secret_name=RECORDS_SECRET, secret_key_to_env={name: name for name in RECORDS}, optional=True
    )
    return task


def line(given: Arguments, *, using: Arguments | None = None) -> tuple[DataOutputs, ModelOutputs]:
    """Wire the steps from ingest to package: what training and replaying share.

    Args:
        given: The training pipeline's parameters, by name.
        using: Arguments of ``gate`` that say what is to be done with a model; None for a model that stays here.
    """
    known = fingerprints(**_arguments_of("fingerprint", given))
    rows = add_data_steps(
        known=known,
        reading=_arguments_of("ingest", given),
        agreeing=_arguments_of("infer_contract", given),
        dividing=_arguments_of("split", given),
    )
    return rows, _add_model_steps(rows, known=known, given=given, using=using or {})


def _arguments_of(step: str, given: Arguments) -> Arguments:
    return step_arguments(TrainingOptions, step, given)


def fingerprints(**addresses: Channel) -> Arguments:
    """Have a step look at what lies at a run's addresses; what it told of each, by the name of its parameter.

    A step that reads an address is given its fingerprint too: with caching it is then taken from an earlier run for the
    same content only, which without one would be the same address, whatever lies there.
    """
    looked = fingerprint(**addresses)
    looked.set_caching_options(False)
    with_store(looked)
    return {name: looked.outputs[name] for name in addresses}


def add_data_steps(*, known: Arguments, reading: Arguments, agreeing: Arguments, dividing: Arguments) -> DataOutputs:
    """Bring a table in, agree on a contract, check, add row features, split.

    Args:
        known: Fingerprints of ``source`` and, if there is one, of ``contract``.
        reading: Arguments of ``ingest``.
        agreeing: Arguments of ``infer_contract``.
        dividing: Arguments of ``split``.
    """
    ingested = ingest(**reading, fingerprint=known["source"])
    with_store(ingested)
    with_records(ingested)
    table = ingested.outputs["table"]
    inferred = infer_contract(table=table, **agreeing, fingerprint=known.get("contract", ""))
    with_store(inferred)
    agreed = inferred.outputs["contract"]
    validated = with_records(validate(table=table, contract=agreed))
    valid_table = validated.outputs["valid_table"]
    features = engineer(table=valid_table, contract=agreed).outputs["feature_table"]
    parts = split(table=features, contract=agreed, **dividing).outputs
    return DataOutputs(
        table=table,
        contract=agreed,
        checks=validated.outputs["checks"],
        valid_table=valid_table,
        train_table=parts["train_table"],
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
    )


def _add_model_steps(rows: DataOutputs, *, known: Arguments, given: Arguments, using: Arguments) -> ModelOutputs:
    """Search, fit, measure, judge, package."""
    # Also a search on Katib is taken from an earlier run: its trials leave nothing that is looked for later. A journal
    # is no input that matters, for it only keeps what the same search would find again.
    tuned = tune(
        train_table=rows.train_table,
        contract=rows.contract,
        fingerprint=known["experiment"],
        **_arguments_of("tune", given),
    )
    with_store(tuned)
    best = tuned.outputs["best_parameters"]
    fitted = train(
        train_table=rows.train_table,
        contract=rows.contract,
        best_parameters=best,
        **_arguments_of("train", given),
    )
    model = fitted.outputs["model"]
    evaluation = evaluate(
        model=model,
        train_table=rows.train_table,
        test_table=rows.test_table,
        test_actuals=rows.test_actuals,
        **_arguments_of("evaluate", given),
    ).outputs["evaluation"]
    gated = gate(
        evaluation=evaluation,
        model=model,
        test_table=rows.test_table,
        test_actuals=rows.test_actuals,
        checks=rows.checks,
        fingerprint=known["champion"],
        **_arguments_of("gate", given),
        **using,
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
        fingerprint=known["card"],
        **_arguments_of("package", given),
    )
    with_store(packaged)
    bundle = packaged.outputs["bundle"]
    return ModelOutputs(tuned.outputs["trials"], evaluation, verdict, gated.outputs["use"], bundle)
