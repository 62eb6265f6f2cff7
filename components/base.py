"""What all components share: the image that they run in, and the line that starts each of them there."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from headrace.core.base.image import IMAGE

__all__ = ["COMMAND", "IMAGE", "component"]

# KFP's own form of a component carries its source, which a compiled pipeline then holds once for each task, and the
# Workflow that is made of it once for each node. All that a step needs to know is in the image already: this line names
# the component, and whatever image of the suite runs it knows what that is. With the variable KFP leaves out what only
# compiles; kfp.local runs nothing in a process of this machine whose command does not name KFP's executor.
COMMAND = ("env", "_KFP_RUNTIME=true", "python3", "-m", "headrace.components.run", "kfp.dsl.executor_main")


def component(function: Callable[..., Any]) -> Any:
    """Make a component of a function of this package; where a step runs, the function stays what it is."""
    compiled = getattr(dsl, "component", None)  # KFP has it only where pipelines are made
    if compiled is None:
        return function
    made = compiled(base_image=IMAGE, install_kfp_package=False)(function)
    made.component_spec.implementation.container.command = list(COMMAND)
    return made
