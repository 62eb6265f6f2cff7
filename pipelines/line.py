"""The part of the line that makes a bundle, from a table's address: what training and replaying share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp import dsl, kubernetes

from headrace.components import (
    engineer,
    evaluate,
    gate,
    infer_contract,
    ingest,
    package,
    split,
    train,
    tune,
    validate,
)

STORE_SECRET = "headrace-object-store"  # noqa: S105 - the name of a Secret, not a secret
RECORDS_SECRET = "headrace-records"  # noqa: S105 - as above
_RECORDS = (
    "HEADRACE_REGISTRY",
    "HEADRACE_REGISTRY_USER",
    "HEADRACE_REGISTRY_PASSWORD",
    "HEADRACE_REGISTRY_TOKEN",
    "HEADRACE_CATALOG",
    "HEADRACE_CATALOG_PASSWORD",
    "HEADRACE_OPENLINEAGE",
    "HEADRACE_OPENLINEAGE_KEY",
    "HEADRACE_ACTOR",
)
_STORE_KEYS = ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY", "REGION", "BUCKET")


def with_store(task: dsl.PipelineTask) -> None:
    """Give a step the object store's address and keys from the cluster's Secret; a laptop's runner ignores this."""
    names = {f"HEADRACE_S3_{key}": f"HEADRACE_S3_{key}" for key in _STORE_KEYS}
    kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env=names, optional=True)


def with_records(task: dsl.PipelineTask) -> None:
    """Give a step the addresses of registry, catalogue and lineage, as far as the cluster's Secret has them."""
    kubernetes.use_secret_as_env(
        task, secret_name=RECORDS_SECRET, secret_key_to_env={name: name for name in _RECORDS}, optional=True
    )


@dataclass(frozen=True)
class Line:
    """What the steps leave, as KFP's channels.

    Attributes:
        table: Table as ingest left it.
        contract: Data contract.
        valid_table: Typed rows that keep it.
        checks: What was found in the table.
        trials: What the search tried.
        evaluation: What was measured.
        verdict: What the gate said.
        passed: Whether the model may be published.
        bundle: The bundle.
    """

    table: Any
    contract: Any
    valid_table: Any
    checks: Any
    trials: Any
    evaluation: Any
    verdict: Any
    passed: Any
    bundle: Any


def line(given: Mapping[str, Any]) -> Line:
    """Wire the steps from ingest to package.

    Args:
        given: The pipeline's parameters, by name.

    Returns:
        What they leave.
    """
    ingested = ingest(
        source=given["source"],
        names=given["names"],
        header=given["header"],
        delimiter=given["delimiter"],
        encoding=given["encoding"],
        missing_values=given["missing_values"],
        drop=given["drop"],
        hash=given["hash_columns"],
    )
    ingested.set_caching_options(False)
    with_store(ingested)
    with_records(ingested)
    table = ingested.outputs["table"]
    agreed = infer_contract(
        table=table,
        name=given["name"],
        target=given["target"],
        task=given["task"],
        time_column=given["time_column"],
        id_columns=given["id_columns"],
        group_column=given["group_column"],
        drop=given["drop"],
        hash=given["hash_columns"],
        positive=given["positive"],
        given=given["contract"],
        country=given["country"],
    ).outputs["contract"]
    validated = validate(table=table, contract=agreed)
    with_records(validated)
    valid_table, checks = validated.outputs["valid_table"], validated.outputs["checks"]
    features = engineer(table=valid_table, contract=agreed).outputs["feature_table"]
    parts = split(
        table=features, contract=agreed, method=given["split_method"], test_size=given["test_size"], seed=given["seed"]
    ).outputs
    tuned = tune(
        train_table=parts["train_table"],
        contract=agreed,
        families=given["families"],
        experiment=given["experiment"],
        budget=given["budget"],
        folds=given["folds"],
        seed=given["seed"],
    ).outputs
    model = train(
        train_table=parts["train_table"], contract=agreed, best_parameters=tuned["best_parameters"], seed=given["seed"]
    ).outputs["model"]
    evaluation = evaluate(
        model=model,
        train_table=parts["train_table"],
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
        slices=given["slices"],
        cost_false_positive=given["cost_false_positive"],
        cost_false_negative=given["cost_false_negative"],
        seed=given["seed"],
    ).outputs["evaluation"]
    judged = gate(
        evaluation=evaluation,
        model=model,
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
        champion=given["champion"],
        thresholds=given["thresholds"],
        seed=given["seed"],
    )
    with_store(judged)
    verdict = judged.outputs["verdict"]
    packaged = package(
        model=model,
        contract=agreed,
        train_table=parts["train_table"],
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
        evaluation=evaluation,
        verdict=verdict,
        best_parameters=tuned["best_parameters"],
        checks=checks,
        table=table,
    ).outputs["bundle"]
    return Line(
        table=table,
        contract=agreed,
        valid_table=valid_table,
        checks=checks,
        trials=tuned["trials"],
        evaluation=evaluation,
        verdict=verdict,
        passed=judged.outputs["Output"],
        bundle=packaged,
    )
