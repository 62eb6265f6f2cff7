"""What all components share: their image, and the command that starts each of them there."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from headrace.core.base.image import IMAGE

__all__ = ["COMMAND", "IMAGE", "component"]

# KFP's own form of a component carries its source, which a compiled pipeline then holds once for each task, and the
# Workflow built from it once for each node. Everything that a step needs is in the image already, so this command only
# names the component. The variable makes KFP skip the imports that only compiling needs; kfp.local refuses to run a
# command as a local process unless it names KFP's executor.
COMMAND = ("env", "_KFP_RUNTIME=true", "python3", "-m", "headrace.components.run", "kfp.dsl.executor_main")


def component(function: Callable[..., Any]) -> Any:
    """Turn a function of this package into a component; inside a running step, return it unchanged."""
    compiled = getattr(dsl, "component", None)  # KFP has it only where pipelines are made
    if compiled is None:
        return function
    compiled_component = compiled(base_image=IMAGE, install_kfp_package=False)(function)
    compiled_component.component_spec.implementation.container.command = list(COMMAND)
    return compiled_component
