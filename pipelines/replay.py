"""The replay pipeline: the line from the table to the bundle, and nothing that the world sees."""

from kfp import dsl

from headrace.pipelines.option_fields import takes_parameters
from headrace.pipelines.training_options import TrainingOptions
from headrace.pipelines.wiring import Arguments, line


@dsl.pipeline(
    name="headrace-replay",
    description="Make a bundle again, to be compared with the first one: ingest to package, nothing published.",
)
@takes_parameters(TrainingOptions)
def replay(given: Arguments) -> None:
    """Make the model of one table again, up to its bundle."""
    line(given)
