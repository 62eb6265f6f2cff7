"""The monitoring pipeline, which runs once for each window: monitor a model in use, and decide."""

import inspect
from typing import Any

from kfp import dsl

from headrace.components import decide, monitor
from headrace.pipelines.definitions.option_fields import with_parameters
from headrace.pipelines.definitions.steps import Arguments, with_records, with_store


def _inputs(component: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a component that are no artifacts."""
    names = component.component_spec.inputs
    parameters = inspect.signature(component.python_func).parameters
    return {name: parameter for name, parameter in parameters.items() if name in names}


_INPUTS = _inputs(monitor) | _inputs(decide)
_DESCRIPTIONS = {
    name: spec.description for one in (monitor, decide) for name, spec in one.component_spec.inputs.items()
}


@dsl.pipeline(
    name="headrace-monitoring",
    description="Compute the monitors of a model over the latest window, and decide: nothing, warn, retrain, stop.",
)
@with_parameters(
    sorted(_INPUTS.values(), key=lambda one: one.default is not inspect.Parameter.empty), descriptions=_DESCRIPTIONS
)
def monitoring(options: Arguments) -> None:
    """Monitor a model in use."""
    monitored = monitor(**{name: options[name] for name in _inputs(monitor)})
    decided = decide(**{name: options[name] for name in _inputs(decide)})
    decided.after(monitored)
    for task in (monitored, decided):
        task.set_caching_options(False)
        with_store(task)
        with_records(task)
