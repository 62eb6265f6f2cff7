"""The command line of a compiled component, resolved by KFP's own local runner."""

from collections.abc import Mapping
from typing import Any

import yaml
from google.protobuf import json_format
from kfp import dsl
from kfp.local import executor_input_utils, placeholder_utils
from kfp.pipeline_spec import pipeline_spec_pb2

TASK_ROOT = "/out"


def v2_command(compiled: str, arguments: Mapping[str, Any]) -> list[str]:
    """Return command and args of a compiled component.

    Args:
        compiled: The component, YAML.
        arguments: Values of parameters and artifacts by their names; what is left out is not given.
    """
    spec = json_format.ParseDict(yaml.safe_load(compiled), pipeline_spec_pb2.PipelineSpec())
    (executor,) = spec.deployment_spec["executors"].values()
    (component,) = spec.components.values()
    message = executor_input_utils.construct_executor_input(component, dict(arguments), TASK_ROOT, False)
    executor_input = json_format.MessageToDict(message)
    # `executor_input_to_dict` does this too, and fails on an optional integer that is not given.
    values = executor_input.get("inputs", {}).get("parameterValues", {})
    for name, parameter in component.input_definitions.parameters.items():
        if parameter.parameter_type == pipeline_spec_pb2.ParameterType.NUMBER_INTEGER and values.get(name) is not None:
            values[name] = int(values[name])
    container = executor["container"]
    elements = [one for key in ("command", "args") if key in container for one in container[key]]
    return placeholder_utils.replace_placeholders(elements, executor_input, "pipeline", "task", "/root", "pipeline-id")


def artifact(name: str) -> dsl.Artifact:
    """Return an artifact that lies at ``/in/NAME``."""
    return dsl.Artifact(name=name, uri=f"/in/{name}")
