"""The training pipeline: from a table to an answering endpoint."""

from kfp import dsl, kubernetes

from headrace.components import (
    deploy,
    engineer,
    evaluate,
    gate,
    infer_contract,
    ingest,
    package,
    profile,
    publish,
    register,
    report,
    split,
    train,
    tune,
    validate,
    verify_endpoint,
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


def _with_store(task: dsl.PipelineTask) -> None:
    """Give a step the object store's address and keys from the cluster's Secret; a laptop's runner ignores this."""
    names = {f"HEADRACE_S3_{key}": f"HEADRACE_S3_{key}" for key in _STORE_KEYS}
    kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env=names, optional=True)


def _with_records(task: dsl.PipelineTask) -> None:
    """Give a step the addresses of registry, catalogue and lineage, as far as the cluster's Secret has them."""
    kubernetes.use_secret_as_env(
        task, secret_name=RECORDS_SECRET, secret_key_to_env={name: name for name in _RECORDS}, optional=True
    )


@dsl.pipeline(
    name="headrace-training",
    description="From a table to an answering endpoint: ingest, validate, split, tune, train, evaluate, gate, deploy.",
)
def training(
    source: str,
    target: str,
    name: str = "model",
    task: str = "",
    contract: str = "",
    names: list = [],  # noqa: B006 - KFP reads the default and never changes it
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    missing_values: list = [],  # noqa: B006
    time_column: str = "",
    id_columns: list = [],  # noqa: B006
    group_column: str = "",
    drop: list = [],  # noqa: B006
    hash_columns: list = [],  # noqa: B006
    positive: str = "",
    country: str = "",
    families: list = [],  # noqa: B006
    experiment: str = "",
    budget: str = "",
    folds: int = 0,
    test_size: float = 0.2,
    split_method: str = "",
    slices: list = [],  # noqa: B006
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
    thresholds: dict = {},  # noqa: B006
    champion: str = "",
    seed: int = 0,
) -> None:
    """Train, judge, publish and serve a model of one table.

    Args:
        source: Path, glob, ``http(s)://``, ``s3://`` or SQL address of the table.
        target: Column that is predicted.
        name: Name of the model and of its endpoint.
        task: ``binary``, ``multiclass`` or ``regression``; empty to infer it.
        contract: Path or address of a data contract made by a person; empty to infer one.
        names: Column names of a table without a header.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV; empty to detect it.
        encoding: Text encoding of a CSV; empty to detect it.
        missing_values: Texts that stand for a missing value; empty for the usual ones.
        time_column: Timestamp by which to split: the latest rows become the test part.
        id_columns: Columns that identify a row and teach nothing.
        group_column: Rows that share its value stay on one side of the split.
        drop: Columns that are left out at ingest.
        hash_columns: Columns whose values are replaced by their keyed hash at ingest.
        positive: Class whose probability is reported, for a binary task.
        country: ISO 3166 code whose public holidays become a row feature.
        families: Model families to search; empty for the default ones.
        experiment: Name or path of a Katib Experiment that declares the search; empty for the families' own.
        budget: Trials (``20``) or time (``90s``, ``5m``) of the search; empty for the default.
        folds: Folds of the cross-validation; 0 for the default.
        test_size: Share of rows kept for the test part, above 0 and below 1.
        split_method: ``random``, ``stratified``, ``time`` or ``group``; empty to let the contract decide.
        slices: Columns by whose values the metrics are repeated.
        cost_false_positive: Cost of a false alarm, for the choice of the threshold.
        cost_false_negative: Cost of a miss, for the choice of the threshold.
        thresholds: Bounds by metric that the model must meet, such as ``{"roc_auc": 0.8}``.
        champion: Path or address of the bundle that the candidate must beat; empty for the baseline.
        seed: Seed of every random choice.
    """
    ingested = ingest(
        source=source,
        names=names,
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        missing_values=missing_values,
        drop=drop,
        hash=hash_columns,
    )
    ingested.set_caching_options(False)
    _with_store(ingested)
    _with_records(ingested)
    table = ingested.outputs["table"]
    agreed = infer_contract(
        table=table,
        name=name,
        target=target,
        task=task,
        time_column=time_column,
        id_columns=id_columns,
        group_column=group_column,
        drop=drop,
        hash=hash_columns,
        positive=positive,
        given=contract,
        country=country,
    ).outputs["contract"]
    validated = validate(table=table, contract=agreed)
    _with_records(validated)
    valid_table, checks = validated.outputs["valid_table"], validated.outputs["checks"]
    profile(table=valid_table, contract=agreed)
    features = engineer(table=valid_table, contract=agreed).outputs["feature_table"]
    parts = split(table=features, contract=agreed, method=split_method, test_size=test_size, seed=seed).outputs
    tuned = tune(
        train_table=parts["train_table"],
        contract=agreed,
        families=families,
        experiment=experiment,
        budget=budget,
        folds=folds,
        seed=seed,
    ).outputs
    model = train(
        train_table=parts["train_table"], contract=agreed, best_parameters=tuned["best_parameters"], seed=seed
    ).outputs["model"]
    evaluation = evaluate(
        model=model,
        train_table=parts["train_table"],
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
        slices=slices,
        cost_false_positive=cost_false_positive,
        cost_false_negative=cost_false_negative,
        seed=seed,
    ).outputs["evaluation"]
    judged = gate(
        evaluation=evaluation,
        model=model,
        test_table=parts["test_table"],
        test_actuals=parts["test_actuals"],
        champion=champion,
        thresholds=thresholds,
        seed=seed,
    )
    _with_store(judged)
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
    told = {
        "table": table,
        "contract": agreed,
        "checks": checks,
        "trials": tuned["trials"],
        "evaluation": evaluation,
        "verdict": verdict,
        "bundle": packaged,
    }
    with dsl.If(judged.outputs["Output"] == True, name="passed"):  # noqa: E712 - KFP compares, Python does not
        published = publish(bundle=packaged)
        published.set_caching_options(False)
        _with_store(published)
        entered = register(
            bundle=packaged, uri=published.outputs["Output"], job=dsl.PIPELINE_JOB_ID_PLACEHOLDER, optional=True
        )
        entered.set_caching_options(False)
        _with_records(entered)
        deployed = deploy(uri=published.outputs["Output"], name=name)
        deployed.after(entered)
        deployed.set_caching_options(False)
        _with_store(deployed)
        verified = verify_endpoint(url=deployed.outputs["Output"], bundle=packaged)
        verified.set_caching_options(False)
        _with_records(verified)
        report(**told, verification=verified.outputs["verification"])
    with dsl.Else(name="rejected"):
        tracked = register(bundle=packaged, job=dsl.PIPELINE_JOB_ID_PLACEHOLDER, optional=True)
        tracked.set_caching_options(False)
        _with_records(tracked)
        report(**told)
