"""Submits a pipeline to Kubeflow Pipelines: for one run, or for a recurring one."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp.client import KfpClient, RunRequest
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.core.base.durations import seconds
from headrace.core.base.errors import InputError, quote
from headrace.core.base.parameter_text import escape
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.pipelines.definitions.task_options import TaskOptions

_CRON_FIELDS = (5, 6)
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_RUNS = 200


@dataclass(frozen=True)
class SubmitOptions:
    """The options of a submission.

    Attributes:
        pipeline: Name of a shipped pipeline, or the file of a compiled one.
        arguments: Arguments as texts.
        options: Resources and settings of the steps of a shipped one.
        name: Name of the run; empty for the pipeline's with the time.
        version: Name of the uploaded version; empty for one derived from its content.
        experiment_name: Name of the Kubeflow experiment that the run belongs to; empty for the server's default.
        root: Root of the artifacts; empty for the server's default.
        service_account: Account of the steps' pods; empty for the server's default.
    """

    pipeline: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    options: TaskOptions = field(default_factory=TaskOptions)
    name: str = ""
    version: str = ""
    experiment_name: str = ""
    root: str = ""
    service_account: str = ""


def read_pipeline(submission: SubmitOptions) -> PipelineFile:
    """Read the pipeline of a submission, compiling a shipped one.

    Raises:
        MissingError: If there is neither a pipeline nor a file of that name.
        InputError: If it is not a pipeline, or options are given for one that was compiled already.
    """
    if submission.pipeline in PIPELINES and not Path(submission.pipeline).is_file():
        from headrace.pipelines.definitions.compile import compile_text  # noqa: PLC0415 - KFP is slow to import

        return pipeline_spec.parse(
            compile_text(submission.pipeline, options=submission.options), source=submission.pipeline
        )
    if submission.options != TaskOptions():
        raise InputError(
            f"options of steps go to a shipped pipeline ({', '.join(PIPELINES)}); {quote(submission.pipeline)} is "
            "compiled already: compile it with them."
        )
    return pipeline_spec.read(Path(submission.pipeline))


def arguments(file: PipelineFile, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of a run, cast to the types of the pipeline's parameters.

    Raises:
        InputError: If one is unknown, missing, or of another type.
    """
    file.require_parameters(texts)
    values = {name: file.parameters[name].value_of(text, file.source) for name, text in texts.items()}
    checked = file.check_arguments(values)
    return {name: escape(value) if isinstance(value, str) else value for name, value in checked.items()}


def create_request(api: KfpClient, submission: SubmitOptions, file: PipelineFile) -> RunRequest:
    """Upload the pipeline's version, if it does not exist yet, and return the request for a run.

    Raises:
        InputError: If the arguments do not match the pipeline.
        ClusterError: If the API cannot be reached, or refuses.
    """
    values = arguments(file, submission.arguments)
    digest = hashlib.sha256(file.text.encode()).hexdigest()[:12]
    uploaded = api.upload(file, name=file.name, version=submission.version or f"{version('headrace')}-{digest}")
    return RunRequest(
        name=submission.name or f"{file.name}-{time.strftime('%Y%m%d-%H%M%S')}",
        what=uploaded,
        arguments=values,
        root=submission.root,
        service_account=submission.service_account,
        experiment_name=submission.experiment_name,
    )


def trigger(*, every: str = "", cron: str = "") -> dict[str, Any] | None:
    """Return the trigger of a recurring run; None for a single run.

    Args:
        every: Time between two starts, such as ``90m`` or ``24h``.
        cron: A schedule in UTC of six fields, the first of which is the second, or of five.

    Raises:
        InputError: If both are given, or one is invalid.
    """
    if every and cron:
        raise InputError(f"a recurring run must have --every or --cron; got both, {every!r} and {cron!r}.")
    if every:
        return {"periodic_schedule": {"interval_second": str(int(seconds(every)))}}
    if not cron:
        return None
    fields = cron.split()
    if len(fields) not in _CRON_FIELDS:
        raise InputError(
            f"--cron must have six fields (second, minute, hour, day, month, weekday), or five; got {cron!r}."
        )
    # KFP's cron starts with seconds; everybody else's starts with minutes.
    return {"cron_schedule": {"cron": " ".join(fields if len(fields) == max(_CRON_FIELDS) else ["0", *fields])}}


def find_run(api: KfpClient, run: str) -> str:
    """Return the id of a run given by its id or its name; the latest, if several have the name.

    Raises:
        InputError: If none of the latest runs has that name.
    """
    if _RUN.fullmatch(run):
        return run
    run_id = next((candidate.id for candidate in api.runs(_MOST_RUNS) if candidate.name == run), "")
    if not run_id:
        raise InputError(f"there is no run {quote(run)} among the latest {_MOST_RUNS}; headrace runs lists them.")
    return run_id
