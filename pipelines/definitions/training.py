"""The training pipeline: from a table to a live endpoint."""

from kfp import dsl

from headrace.components import deploy, profile, verify_endpoint
from headrace.pipelines.definitions.option_fields import takes_parameters
from headrace.pipelines.definitions.steps import (
    Arguments,
    add_publish_step,
    add_register_step,
    add_report_step,
    add_training_steps,
    registration_arguments,
    reported_documents,
    with_records,
    with_store,
)
from headrace.pipelines.definitions.training_options import TrainingOptions


@dsl.pipeline(
    name="headrace-training",
    description="From a table to a live endpoint: ingest, validate, split, tune, train, evaluate, gate, deploy.",
)
@takes_parameters(TrainingOptions)
def training(options: Arguments) -> None:
    """Train, judge, publish and serve a model of one table."""
    rows, model = add_training_steps(options, use_args={"publish": options["publish"], "serve": options["serve"]})
    profile(table=rows.valid_table, contract=rows.contract)
    documents, registration = reported_documents(rows, model), registration_arguments(model)
    # Three branches side by side, not nested: each group is a graph of its own, with a pod for its driver.
    with dsl.If(model.use == "serve", name="serving"):
        published = add_publish_step(model.bundle)
        registered = add_register_step(uri=published, **registration)
        deployed = deploy(uri=published, name=options["name"], platform=options["deploy_platform"])
        deployed.after(registered)
        deployed.set_caching_options(False)
        with_store(deployed)
        verified = with_records(verify_endpoint(url=deployed.outputs["Output"], bundle=model.bundle))
        verified.set_caching_options(False)
        add_report_step(**documents, verification=verified.outputs["verification"])
    with dsl.Elif(model.use == "publish", name="published"):
        add_register_step(uri=add_publish_step(model.bundle), **registration)
        add_report_step(**documents)
    with dsl.Else(name="kept"):
        add_register_step(**registration)
        add_report_step(**documents)
