"""The pipeline of a rollout: a published model takes over an endpoint step by step, or goes back."""

import inspect

from kfp import dsl

from headrace.components import rollout as roll_out
from headrace.pipelines.definitions.option_fields import with_parameters
from headrace.pipelines.definitions.steps import Arguments, with_records, with_store

_INPUTS = roll_out.component_spec.inputs
# The component's own parameters, except the namespace: that is the pods' own. The target defaults to the cluster.
_PARAMETERS = [
    parameter.replace(default="kserve") if name == "platform" else parameter
    for name, parameter in inspect.signature(roll_out.python_func).parameters.items()
    if name in _INPUTS and name != "namespace"
]


@dsl.pipeline(
    name="headrace-rollout",
    description="Give a published model a growing share of an endpoint's requests; promote it, or roll it back.",
)
@with_parameters(_PARAMETERS, descriptions={name: spec.description for name, spec in _INPUTS.items()})
def rollout(arguments: Arguments) -> None:
    """Roll out a published model."""
    rolled = roll_out(**arguments)
    rolled.set_caching_options(False)
    with_store(rolled)
    with_records(rolled)
