"""The frame that all steps share: events of start and end, and parameters as they were before the pipeline."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from headrace.core.base.parameter_text import unescape_all
from headrace.core.runtime.step_events import step

Say = Callable[[str], None]
"""Reports the progress of a step in a few words; the last report is the step's result."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def as_step(function: Callable[Concatenate[Say, _Parameters], _Result]) -> Callable[_Parameters, _Result]:
    """Make a function the step of its name: ``run_ingest`` is the step ``ingest``.

    The step's start, end or failure are reported. Its parameters are undone of the escaping by which texts pass through
    a pipeline, those in lists and mappings too.

    Args:
        function: It takes what reports its progress, then the component's parameters and artifacts by keyword.
    """
    name = function.__name__.removeprefix("run_")

    @functools.wraps(function)
    def run(*args: _Parameters.args, **parameters: _Parameters.kwargs) -> _Result:
        with step(name) as say:
            return cast("Callable[..., _Result]", function)(
                say, *args, **unescape_all(cast("dict[str, Any]", parameters))
            )

    return run
