"""Run a component of the suite, by the command that compiled pipelines contain.

``python3 -m headrace.components.run EXECUTOR --executor_input JSON --function_to_execute NAME``: the code behind it may
change; the command and the names of the components stay, so that a pipeline compiled today runs on a later image.
"""

import argparse
import json
import sys

from kfp.dsl.executor import Executor

import headrace.components as component_functions
from headrace.core.base.errors import InputError
from headrace.core.runtime.step_events import step


def main(arguments: list[str]) -> int:
    """Run one component as a step.

    Args:
        arguments: The executor's name, which KFP's local runner looks for, then the options of KFP's executor.

    Returns:
        The exit code of a step that does not exist; a component that fails raises.
    """
    parser = argparse.ArgumentParser(prog="headrace.components.run")
    parser.add_argument("--executor_input", required=True, help="KFP's ExecutorInput, as JSON")
    parser.add_argument("--function_to_execute", required=True, help="name of the component")
    options, _ = parser.parse_known_args(arguments[1:])
    try:
        function = _component(options.function_to_execute)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    executor_input = json.loads(options.executor_input)
    print(f"Got executor_input:\n{json.dumps(executor_input, indent=4)}", flush=True)  # noqa: T201 - the log of a step
    Executor(executor_input=executor_input, function_to_execute=function).execute()
    return 0


def _component(name: str) -> object:
    """Return the function of that name; report an unknown one as a failed step, so that followers of the run see it."""
    if name in component_functions.__all__:
        registered = getattr(component_functions, name)
        return getattr(registered, "python_func", registered)  # a component, where KFP can compile
    with step(name):
        raise InputError(
            f"a step must be one of the suite's components, {', '.join(component_functions.__all__)}; got {name!r}: "
            "run the pipeline on an image of the version that compiled it, or compile it again."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
