"""The training pipeline: from a table to an answering endpoint."""

from typing import Any

from kfp import dsl

from headrace.components import deploy, profile, register, report, verify_endpoint
from headrace.components import publish as publish_bundle
from headrace.pipelines.wiring import Channel, line, with_records, with_store


def _published(bundle: Channel) -> Channel:
    """Publish a bundle; its address."""
    published = publish_bundle(bundle=bundle)
    published.set_caching_options(False)
    with_store(published)
    return published.outputs["Output"]


def _reported(**given: Any) -> None:
    """Write the report of this run, also if all of it was taken from an earlier one.

    Whoever follows the run finds by this step's inputs where the artifacts of the steps that were taken lie.
    """
    report(**given).set_caching_options(False)


def _registered(**given: Any) -> dsl.PipelineTask:
    """Enter a model into the registry."""
    registered = with_records(register(**given))
    registered.set_caching_options(False)
    return registered


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
    skip_lines: int = -1,
    comment: str = "",
    missing_values: list = [],  # noqa: B006
    time_column: str = "",
    id_columns: list = [],  # noqa: B006
    group_column: str = "",
    drop: list = [],  # noqa: B006
    hash_columns: list = [],  # noqa: B006
    positive: str = "",
    country: str = "",
    decimal: str = "",
    thousands: str = "",
    families: list = [],  # noqa: B006
    experiment: str = "",
    budget: str = "",
    folds: int = 0,
    nested: bool = False,
    search_on: str = "local",
    journal: str = "",
    deadline: str = "",
    cleanup: str = "succeeded",
    search_namespace: str = "",
    test_size: float = 0.2,
    split_method: str = "",
    split_format: int = 2,
    slices: list = [],  # noqa: B006
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
    thresholds: dict = {},  # noqa: B006
    champion: str = "",
    card: str = "",
    copies: bool = False,
    publish: bool = True,
    serve: bool = True,
    deploy_to: str = "kserve",
    seed: int = 0,
) -> None:
    """Train, judge, publish and serve a model of one table.

    Args:
        source: Path, glob, ``http(s)://``, ``s3://`` or SQL address of the table.
        target: Column that is predicted.
        name: Name of the model and of its endpoint.
        task: ``binary``, ``multiclass`` or ``regression``; empty to infer it.
        contract: Path, ``http(s)://`` or ``s3://`` address of a data contract made by a person; empty to infer one.
        names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV; empty to detect it.
        encoding: Text encoding of a CSV; empty to detect it.
        skip_lines: Lines of a CSV before its header; negative to find them.
        comment: What a comment line of a CSV begins with; empty to find it.
        missing_values: Texts that stand for a missing value; empty for the usual ones.
        time_column: Timestamp by which to split: the latest rows become the test part.
        id_columns: Columns that identify a row and teach nothing.
        group_column: Rows that share its value stay on one side of the split.
        drop: Columns that are left out at ingest.
        hash_columns: Columns whose values are replaced by their keyed hash at ingest.
        positive: Class whose probability is reported, for a binary task.
        country: ISO 3166 code whose public holidays become a row feature, and whose habits in writing numbers and dates
            decide where a column leaves it open.
        decimal: Decimal mark of numbers that are texts, ``.`` or ``,``; empty to find out.
        thousands: Mark between their groups of three digits; empty to find out.
        families: Model families to search; empty for the default ones.
        experiment: Name, path or address of a Katib Experiment that declares the search; empty for the families' own.
        budget: Trials (``20``) or time (``90s``, ``5m``) of the search; empty for the default.
        folds: Folds of the cross-validation; 0 for the default.
        nested: Whether the search itself is cross-validated too.
        search_on: Where trials run: ``local``, in the step, or ``katib``, each in a pod of its own.
        journal: File or folder in which finished trials are kept while a local search runs; empty for none.
        deadline: Longest time of a search on Katib, such as ``2h``; empty for a day.
        cleanup: When Katib's Experiments are deleted: ``always``, if they ``succeeded``, or ``never``.
        search_namespace: Namespace of Katib's Experiments; empty for that of the steps.
        test_size: Share of rows kept for the test part, above 0 and below 1.
        split_method: ``random``, ``stratified``, ``time`` or ``group``; empty to let the contract decide.
        split_format: How the sides of rows are drawn; 1 to repeat a bundle whose papers tell of no format.
        slices: Columns by whose values the metrics are repeated.
        cost_false_positive: Cost of a false alarm, for the choice of the threshold.
        cost_false_negative: Cost of a miss, for the choice of the threshold.
        thresholds: Bounds by metric that the model must meet, such as ``{"roc_auc": 0.8}``.
        champion: Path or address of the bundle that the candidate must beat; empty for the baseline.
        card: Path or address of a card file with what only a person can say of the model; empty for none.
        copies: Whether the training and test rows are copied into the bundle.
        publish: Whether a model that passes is published; if not, the line ends with its bundle.
        serve: Whether a published model is deployed and asked; if not, the line ends with what was published.
        deploy_to: Where a published model is served: ``kserve``, or ``local`` by the machine of the step.
        seed: Seed of every random choice.
    """
    rows, made = line(dict(locals()), using={"publish": publish, "serve": serve})
    profile(table=rows.valid_table, contract=rows.contract)
    told = {
        "table": rows.table,
        "contract": rows.contract,
        "checks": rows.checks,
        "trials": made.trials,
        "evaluation": made.evaluation,
        "verdict": made.verdict,
        "bundle": made.bundle,
    }
    entered = {"bundle": made.bundle, "job": dsl.PIPELINE_JOB_ID_PLACEHOLDER, "optional": True}
    # Three ways side by side, not one inside the other: each is a graph of its own, with a pod that enters it.
    with dsl.If(made.use == "serve", name="serving"):
        published = _published(made.bundle)
        registered = _registered(uri=published, **entered)
        deployed = deploy(uri=published, name=name, to=deploy_to)
        deployed.after(registered)
        deployed.set_caching_options(False)
        with_store(deployed)
        verified = with_records(verify_endpoint(url=deployed.outputs["Output"], bundle=made.bundle))
        verified.set_caching_options(False)
        _reported(**told, verification=verified.outputs["verification"])
    with dsl.Elif(made.use == "publish", name="published"):
        _registered(uri=_published(made.bundle), **entered)
        _reported(**told)
    with dsl.Else(name="kept"):
        _registered(**entered)
        _reported(**told)
