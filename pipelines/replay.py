"""The replay pipeline: the line from the table to the bundle, and nothing that the world sees."""

import inspect
from typing import Any

from kfp import dsl

from headrace.pipelines.training import training
from headrace.pipelines.wiring import line

_PARAMETERS = inspect.signature(training.pipeline_func)


def _until_packaged(*given: Any) -> None:
    line(_PARAMETERS.bind(*given).arguments)


# The parameters are the training pipeline's, whatever they are.
_until_packaged.__signature__ = _PARAMETERS  # type: ignore[attr-defined]
_until_packaged.__doc__ = training.pipeline_func.__doc__
replay = dsl.pipeline(
    name="headrace-replay",
    description="Make a bundle again, to be compared with the first one: ingest to package, nothing published.",
)(_until_packaged)
