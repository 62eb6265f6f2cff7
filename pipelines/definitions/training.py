"""The training pipeline: from a table to an answering endpoint."""

from typing import Any

from kfp import dsl

from headrace.components import deploy, profile, register, report, verify_endpoint
from headrace.components import publish as publish_bundle
from headrace.pipelines.definitions.option_fields import takes_parameters
from headrace.pipelines.definitions.steps import Arguments, Channel, line, with_records, with_store
from headrace.pipelines.definitions.training_options import TrainingOptions


def _add_publish(bundle: Channel) -> Channel:
    """Publish a bundle; its address."""
    published = publish_bundle(bundle=bundle)
    published.set_caching_options(False)
    with_store(published)
    return published.outputs["Output"]


def _add_report(**given: Any) -> None:
    """Write the report of this run, also if all of it was taken from an earlier one.

    Whoever follows the run finds by this step's inputs where the artifacts of the steps that were taken lie.
    """
    report(**given).set_caching_options(False)


def _add_register(**given: Any) -> dsl.PipelineTask:
    """Enter a model into the registry."""
    registered = with_records(register(**given))
    registered.set_caching_options(False)
    return registered


@dsl.pipeline(
    name="headrace-training",
    description="From a table to an answering endpoint: ingest, validate, split, tune, train, evaluate, gate, deploy.",
)
@takes_parameters(TrainingOptions)
def training(given: Arguments) -> None:
    """Train, judge, publish and serve a model of one table."""
    rows, made = line(given, using={"publish": given["publish"], "serve": given["serve"]})
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
        published = _add_publish(made.bundle)
        registered = _add_register(uri=published, **entered)
        deployed = deploy(uri=published, name=given["name"], to=given["deploy_to"])
        deployed.after(registered)
        deployed.set_caching_options(False)
        with_store(deployed)
        verified = with_records(verify_endpoint(url=deployed.outputs["Output"], bundle=made.bundle))
        verified.set_caching_options(False)
        _add_report(**told, verification=verified.outputs["verification"])
    with dsl.Elif(made.use == "publish", name="published"):
        _add_register(uri=_add_publish(made.bundle), **entered)
        _add_report(**told)
    with dsl.Else(name="kept"):
        _add_register(**entered)
        _add_report(**told)
