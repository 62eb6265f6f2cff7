"""The replay pipeline: the steps from the table to the bundle, without publishing anything."""

from kfp import dsl

from headrace.pipelines.definitions.option_fields import takes_parameters
from headrace.pipelines.definitions.steps import Arguments, add_training_steps
from headrace.pipelines.definitions.training_options import TrainingOptions


@dsl.pipeline(
    name="headrace-replay",
    description="Build a bundle again, to compare it with the first one: ingest to package, without publishing.",
)
@takes_parameters(TrainingOptions)
def replay(arguments: Arguments) -> None:
    """Build the model of one table again, up to its bundle."""
    add_training_steps(arguments)
