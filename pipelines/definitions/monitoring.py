"""The monitoring pipeline, which runs once for each window: collect, take labels, monitor, decide, and retrain.

The last is off by default: who has a run repeated each night has asked for reports and decisions, not for a training of
hours and a new version in service.
"""

import inspect

from kfp import dsl

from headrace.components import collect, decide, join_labels, monitor
from headrace.pipelines.definitions import retraining as retraining_pipeline
from headrace.pipelines.definitions.option_fields import with_parameters
from headrace.pipelines.definitions.steps import Arguments, with_records, with_store

_STEPS = (collect, join_labels, monitor, decide)
_SWITCH = inspect.Parameter("retrain", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=bool)
_SWITCH_MEANING = "Whether the model is retrained where that is decided and need not wait for a person; stop never is."


def _parameters() -> dict[str, tuple[inspect.Parameter, str]]:
    """Return the pipeline's parameters with their descriptions: of the four steps, the switch, and the retraining."""
    found: dict[str, tuple[inspect.Parameter, str]] = {}
    for component in _STEPS:
        signature = inspect.signature(component.python_func).parameters
        for name, spec in (component.component_spec.inputs or {}).items():
            found.setdefault(name, (signature[name], str(spec.description)))
    found[_SWITCH.name] = (_SWITCH, _SWITCH_MEANING)
    for name, parameter in retraining_pipeline.PARAMETERS.items():
        found.setdefault(name, parameter)
    return dict(sorted(found.items(), key=lambda item: item[1][0].default is not inspect.Parameter.empty))


_ALL = _parameters()


@dsl.pipeline(
    name="headrace-monitoring",
    description="Compute the monitors of a model over the latest window, and decide: nothing, warn, retrain, stop.",
)
@with_parameters(
    [parameter for parameter, _ in _ALL.values()], descriptions={name: text for name, (_, text) in _ALL.items()}
)
def monitoring(options: Arguments) -> None:
    """Monitor a model in use."""
    tasks: list[dsl.PipelineTask] = []
    for component in _STEPS:
        task = component(**{name: options[name] for name in component.component_spec.inputs})
        task.set_caching_options(False)
        with_store(task)
        with_records(task)
        if tasks:
            task.after(tasks[-1])
        tasks.append(task)
    # A pipeline's conditions know no "and"; and what is switched off is known before the run, with all that it needs.
    with dsl.If(options[_SWITCH.name] == True, name="may-retrain"):  # noqa: E712, SIM117 - KFP compares, Python does not
        with dsl.If(tasks[-1].outputs["act"] == "retrain", name="retraining"):
            retraining_pipeline.add_retraining_steps(options)
