"""The training pipeline: from a table to a live endpoint."""

from typing import Any

from kfp import dsl

from headrace.components import deploy, profile, register, report, verify_endpoint
from headrace.components import publish as publish_bundle
from headrace.pipelines.definitions.option_fields import takes_parameters
from headrace.pipelines.definitions.steps import Arguments, Channel, add_training_steps, with_records, with_store
from headrace.pipelines.definitions.training_options import TrainingOptions


def _add_publish(bundle: Channel) -> Channel:
    """Add the step that publishes a bundle; return its address."""
    published = publish_bundle(bundle=bundle)
    published.set_caching_options(False)
    with_store(published)
    return published.outputs["Output"]


def _add_report(**inputs: Any) -> None:
    """Add the step that writes the report, which runs even if every other step was cached.

    Its inputs show whoever follows the run where the artifacts of cached steps are stored.
    """
    report(**inputs).set_caching_options(False)


def _add_register(**inputs: Any) -> dsl.PipelineTask:
    """Add the step that registers a model."""
    registered = with_records(register(**inputs))
    registered.set_caching_options(False)
    return registered


@dsl.pipeline(
    name="headrace-training",
    description="From a table to a live endpoint: ingest, validate, split, tune, train, evaluate, gate, deploy.",
)
@takes_parameters(TrainingOptions)
def training(options: Arguments) -> None:
    """Train, judge, publish and serve a model of one table."""
    rows, model = add_training_steps(options, use_args={"publish": options["publish"], "serve": options["serve"]})
    profile(table=rows.valid_table, contract=rows.contract)
    documents = {
        "table": rows.table,
        "contract": rows.contract,
        "checks": rows.checks,
        "trials": model.trials,
        "evaluation": model.evaluation,
        "verdict": model.verdict,
        "bundle": model.bundle,
    }
    registration = {"bundle": model.bundle, "job": dsl.PIPELINE_JOB_ID_PLACEHOLDER, "optional": True}
    # Three branches side by side, not nested: each group is a graph of its own, with a pod for its driver.
    with dsl.If(model.use == "serve", name="serving"):
        published = _add_publish(model.bundle)
        registered = _add_register(uri=published, **registration)
        deployed = deploy(uri=published, name=options["name"], platform=options["deploy_platform"])
        deployed.after(registered)
        deployed.set_caching_options(False)
        with_store(deployed)
        verified = with_records(verify_endpoint(url=deployed.outputs["Output"], bundle=model.bundle))
        verified.set_caching_options(False)
        _add_report(**documents, verification=verified.outputs["verification"])
    with dsl.Elif(model.use == "publish", name="published"):
        _add_register(uri=_add_publish(model.bundle), **registration)
        _add_report(**documents)
    with dsl.Else(name="kept"):
        _add_register(**registration)
        _add_report(**documents)
