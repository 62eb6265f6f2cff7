"""Run a component of the suite, as the one line that stands in compiled pipelines.

``python3 -m headrace.components.run EXECUTOR --executor_input JSON --function_to_execute NAME``: what stands behind it
may change; the line and the names of the components stay, so that a pipeline that was compiled today runs on a later
image.
"""

import argparse
import json
import sys

from kfp.dsl.executor import Executor

import headrace.components as shelf
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
    given, _ = parser.parse_known_args(arguments[1:])
    try:
        function = _component(given.function_to_execute)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asked = json.loads(given.executor_input)
    print(f"Got executor_input:\n{json.dumps(asked, indent=4)}", flush=True)  # noqa: T201 - the log of a step
    Executor(executor_input=asked, function_to_execute=function).execute()
    return 0


def _component(name: str) -> object:
    """The function of that name; whoever follows the run is told if there is none."""
    if name in shelf.__all__:
        found = getattr(shelf, name)
        return getattr(found, "python_func", found)  # a component, where KFP can compile
    with step(name):
        raise InputError(
            f"a step must be one of the suite's components, {', '.join(shelf.__all__)}; got {name!r}: run the pipeline "
            "on an image of the version that compiled it, or compile it anew."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
