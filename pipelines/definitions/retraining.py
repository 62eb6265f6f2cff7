"""The retraining pipeline: from old and new rows to a version that takes over if it is better on the newest."""

import inspect
from typing import Any

from kfp import dsl

from headrace.components import rollout as roll_out
from headrace.components import select_rows
from headrace.pipelines.definitions.option_fields import option_fields, with_parameters
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

_TRAINING = {name: option.pipeline_parameter for name, option in option_fields(TrainingOptions).items()}
# How the model is learned and judged; the table and its contract come from the selection.
_LEARNING_STEPS = frozenset({"tune", "train", "evaluate", "gate", "package"})
_LEARNING = [
    name
    for name, option in option_fields(TrainingOptions).items()
    if _LEARNING_STEPS.intersection(option.parameters) and name != "champion"
]
_SELECTION = inspect.signature(select_rows.python_func).parameters
_ROLLOUT = inspect.signature(roll_out.python_func).parameters
_ROLLOUT_OPTIONS = ("name", "platform", "steps", "step_requests", "step_duration", "step_timeout", "prometheus")
# The gate finds a new version better on the newest labelled rows: that it predicts otherwise is no fault of it.
_TOLERANCES = {"shift": 100.0}


def _parameters() -> dict[str, tuple[inspect.Parameter, str]]:
    """Return the pipeline's parameters with their descriptions: of the selection, the training and the rollout."""
    found = {}
    for component, names in ((select_rows, list(_SELECTION)), (roll_out, _ROLLOUT_OPTIONS)):
        signature = inspect.signature(component.python_func).parameters
        for name in names:
            spec = component.component_spec.inputs.get(name)
            if spec is not None:
                found[name] = (signature[name], str(spec.description))
    for name in _LEARNING:
        found.setdefault(name, (_TRAINING[name], option_fields(TrainingOptions)[name].description))
    platform, text = found["platform"]
    found["platform"] = (platform.replace(default="kserve"), text)
    return dict(sorted(found.items(), key=lambda item: item[1][0].default is not inspect.Parameter.empty))


PARAMETERS = _parameters()
"""The pipeline's parameters, with the description of each."""


def add_retraining_steps(options: Arguments) -> None:
    """Add the steps from the selection of rows to the rollout.

    Args:
        options: Values of ``PARAMETERS``, by name; others are left alone.
    """
    selected = with_records(select_rows(**{name: options[name] for name in _SELECTION if name in options}))
    selected.set_caching_options(False)
    with_store(selected)
    chosen = selected.outputs
    training: dict[str, Any] = {
        **{name: parameter.default for name, parameter in _TRAINING.items()},
        **{name: options[name] for name in _LEARNING},
        "source": chosen["source"],
        "target": "",
        "contract": chosen["contract"],
        "split_method": "time",
        "test_size": chosen["test_size"],
        "champion": chosen["champion"],
    }
    rows, model = add_training_steps(
        training, use_args={"publish": True, "serve": chosen["roll_out"], "serve_held": False}
    )
    documents, registration = reported_documents(rows, model), registration_arguments(model)
    with dsl.If(model.use == "serve", name="rolling-out"):
        published = add_publish_step(model.bundle)
        registered = add_register_step(uri=published, **registration)
        rolled = roll_out(
            candidate=published,
            stable=chosen["champion"],
            table=chosen["source"],
            tolerances=_TOLERANCES,
            enter_production=True,
            **{name: options[name] for name in _ROLLOUT_OPTIONS},
        )
        rolled.after(registered)
        rolled.set_caching_options(False)
        with_store(rolled)
        with_records(rolled)
        add_report_step(**documents)
    with dsl.Elif(model.use == "publish", name="published"):
        add_register_step(uri=add_publish_step(model.bundle), **registration)
        add_report_step(**documents)
    with dsl.Else(name="kept"):
        add_register_step(**registration)
        add_report_step(**documents)


@dsl.pipeline(
    name="headrace-retraining",
    description="Retrain a model on old and new rows, compare both on the newest, and roll the better one out.",
)
@with_parameters(
    [parameter for parameter, _ in PARAMETERS.values()],
    descriptions={name: text for name, (_, text) in PARAMETERS.items()},
)
def retraining(options: Arguments) -> None:
    """Retrain a model in service."""
    add_retraining_steps(options)
