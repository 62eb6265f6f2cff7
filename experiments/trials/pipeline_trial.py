"""A trial that runs a compiled pipeline: parameters in, metrics out.

Values of the Experiment's parameters become arguments of the same names; arguments that all trials share are added;
``result`` is the address to which the pipeline writes its metrics (see ``metrics_report``).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.cluster.api import yaml_documents
from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp.pipeline_spec import PipelineFile, PipelineParameter
from headrace.core.base.errors import HeadraceError, InputError, MissingError, quote
from headrace.core.base.files import write_text
from headrace.core.base.parameter_text import escape
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.search.result import summary_of
from headrace.experiments.space.experiment import ARGUMENTS, PIPELINE, Experiment
from headrace.experiments.space.search_space import NumberRange, ValueChoice
from headrace.experiments.trials import metrics_report

RESULT = "result"
"""The parameter that such a pipeline must have."""
EXPERIMENT = "experiment.yaml"
_PIPELINE = "pipeline.yaml"


@dataclass(frozen=True)
class PipelineTrial:
    """An Experiment and the pipeline that its trials run.

    Attributes:
        experiment: The Experiment.
        pipeline: The pipeline of a trial.
    """

    experiment: Experiment
    pipeline: PipelineFile

    def __post_init__(self) -> None:
        """Raise if Experiment and pipeline do not match.

        Raises:
            InputError: If the pipeline lacks ``result`` or a parameter, lacks a required argument, or gets a value of
                another type; or if the Experiment has early stopping, because a pipeline reports only at its end.
        """
        experiment, pipeline = self.experiment, self.pipeline
        result_parameter = pipeline.parameters.get(RESULT)
        if result_parameter is None or result_parameter.kind != "STRING":
            raise InputError(
                f"the pipeline {pipeline.source} must have a parameter {RESULT}: str, the address to which it reports "
                "its metrics; give it one, and hand it to report_metrics."
            )
        if RESULT in {*experiment.space, *experiment.arguments}:
            raise InputError(f"{experiment.name} must leave {RESULT} alone: each trial is given an address of its own.")
        twice = sorted(set(experiment.space) & set(experiment.arguments))
        if twice:
            raise InputError(f"an argument of {experiment.name} must be searched or shared; {twice[0]} is both.")
        if experiment.stopping is not None:
            raise InputError(
                f"trials of {experiment.name} cannot be stopped early, because a pipeline reports its metrics once, at "
                "its end; leave earlyStopping out."
            )
        pipeline.require_parameters(experiment.space)
        for name, kind in experiment.space.items():
            self._check_kind(pipeline.parameters[name], kind)
        self.arguments({name: _values(kind)[0] for name, kind in experiment.space.items()}, result="nowhere")

    def _check_kind(self, parameter: PipelineParameter, kind: NumberRange | ValueChoice) -> None:
        if isinstance(kind, NumberRange) and not kind.whole and parameter.kind == "NUMBER_INTEGER":
            raise InputError(
                f"the pipeline {self.pipeline.source} takes a whole number as {parameter.name}; {self.experiment.name} "
                "searches it as a double: make it an int."
            )
        for value in _values(kind):
            _cast(parameter, value, self.pipeline.source)

    def arguments(self, values: Mapping[str, Any], *, result: str) -> dict[str, Any]:
        """Return the arguments of a run, cast to the types of the pipeline's parameters.

        Args:
            values: The trial's values.
            result: Address for its metrics.

        Raises:
            InputError: If the pipeline would reject one of them.
        """
        parameters = self.pipeline.parameters
        own = {name: _cast(parameters[name], value, self.pipeline.source) for name, value in values.items()}
        checked = self.pipeline.check_arguments({**self.experiment.arguments, **own, RESULT: result})
        return {name: _escape_texts(value) for name, value in checked.items()}

    def end_trial(self, request: TrialRequest, address: str, *, seconds: float, error: str = "") -> Trial:
        """Return the trial with the result of its run.

        Args:
            request: The request of the trial.
            address: Address of its metrics.
            seconds: How long it took.
            error: Why it failed; empty if it completed.
        """
        trial = Trial(request.number, request.name, request.experiment.name, "", dict(request.values), "failed")
        trial = replace(trial, seconds=seconds, error=error)
        if error:
            return trial
        try:
            metrics = metrics_report.read(address)
        except MissingError:
            return replace(
                trial, status="metrics_unavailable", error=f"the pipeline succeeded and reported nothing to {address}."
            )
        except HeadraceError as problem:
            return replace(trial, error=str(problem))
        objective = request.experiment.objective
        reported = {name: (metrics[name],) for name in objective.metrics if name in metrics}
        value = metrics.get(objective.metric, math.nan)
        if not math.isfinite(value):
            names = ", ".join(sorted(metrics))
            error = f"the pipeline must report {objective.metric}; it reported {names}."
            return replace(trial, status="metrics_unavailable", metrics=summary_of(reported), error=error)
        return replace(trial, status="succeeded", score=value, metrics=summary_of(reported), reported=(value,))


def _values(kind: NumberRange | ValueChoice) -> tuple[Any, ...]:
    """Return values of a parameter that are enough to check all of them."""
    if isinstance(kind, ValueChoice):
        return kind.values
    return (int(kind.low), int(kind.high)) if kind.whole else (kind.low, kind.high)


def _escape_texts(value: Any) -> Any:
    """Return a value with its texts escaped for the runner."""
    if isinstance(value, list):
        return [_escape_texts(item) for item in value]
    return escape(value) if isinstance(value, str) else value


def _cast(parameter: PipelineParameter, value: Any, where: str) -> Any:
    """Return a searched value as an argument: a categorical parameter's text may mean a number or a boolean."""
    if isinstance(value, str):
        return parameter.value_of(value, where)
    return parameter.value(value, where)


def load(path: Path, *, arguments: Mapping[str, str] | None = None) -> PipelineTrial | None:
    """Read an Experiment and its pipeline.

    Args:
        path: The Experiment's file; the pipeline's name in it is relative to its folder.
        arguments: Arguments, as texts, in place of those that its trials share.

    Returns:
        Both; None if the Experiment's trials do not run a pipeline.

    Raises:
        MissingError: If a file does not exist.
        InputError: If one of them is invalid, or they do not match.
    """
    experiment = experiment_yaml.load(path)
    if not experiment.pipeline:
        return None
    pipeline = pipeline_spec.read(path.parent / experiment.pipeline)
    texts = arguments or {}
    pipeline.require_parameters(texts)
    searched = next((name for name in texts if name in experiment.space), None)
    if searched is not None:
        raise InputError(f"{quote(searched)} is searched by {experiment.name}; it cannot be given a value.")
    own = {name: pipeline.parameters[name].value_of(text, pipeline.source) for name, text in texts.items()}
    return PipelineTrial(replace(experiment, arguments={**experiment.arguments, **own}), pipeline)


def write(trial: PipelineTrial, folder: Path) -> None:
    """Write the files that remote trials need, for ``load`` to read; equal trials give equal bytes.

    Args:
        trial: An Experiment that was read from a document, and its pipeline.
        folder: Folder for the files.
    """
    document = json.loads(json.dumps(trial.experiment.document))
    annotations = document["metadata"]["annotations"]
    annotations |= {PIPELINE: _PIPELINE, ARGUMENTS: json.dumps(dict(trial.experiment.arguments), sort_keys=True)}
    write_text(folder / EXPERIMENT, yaml_documents.dump(document))
    write_text(folder / _PIPELINE, trial.pipeline.text)
