"""Have Kubeflow Pipelines run a pipeline: once, or again and again."""

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
from headrace.core.base.errors import InputError, quote
from headrace.core.base.parameter_text import escape
from headrace.experiments.search.budget import seconds
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.pipelines.definitions.task_options import TaskOptions

_CRON_FIELDS = (5, 6)
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_RUNS = 200


@dataclass(frozen=True)
class SubmitOptions:
    """What a user asks for.

    Attributes:
        pipeline: Name of a shipped pipeline, or the file of a compiled one.
        arguments: Arguments as texts.
        options: What the cluster is to give the steps of a shipped one.
        name: Name of the run; empty for the pipeline's with the time.
        version: Name of the uploaded version; empty for one that follows from its content.
        group: Name under which runs are listed together; empty for the server's choice.
        root: Where artifacts go; empty for the server's own place.
        service_account: Account of the steps' pods; empty for the server's choice.
    """

    pipeline: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    options: TaskOptions = field(default_factory=TaskOptions)
    name: str = ""
    version: str = ""
    group: str = ""
    root: str = ""
    service_account: str = ""


def read(wish: SubmitOptions) -> PipelineFile:
    """The pipeline that a user asks for.

    Raises:
        MissingError: If there is neither a pipeline nor a file of that name.
        InputError: If it is no pipeline, or options are given to one that was compiled already.
    """
    if wish.pipeline in PIPELINES and not Path(wish.pipeline).exists():
        from headrace.pipelines.definitions.compile import compile_text  # noqa: PLC0415 - KFP is slow to import

        return pipeline_spec.parse(compile_text(wish.pipeline, options=wish.options), source=wish.pipeline)
    if wish.options != TaskOptions():
        raise InputError(
            f"options of steps go to a shipped pipeline ({', '.join(PIPELINES)}); {quote(wish.pipeline)} is compiled "
            "already: compile it with them."
        )
    return pipeline_spec.read(Path(wish.pipeline))


def arguments(file: PipelineFile, texts: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of a run, of the types that the pipeline wants.

    Raises:
        InputError: If one is unknown, missing, or of another kind.
    """
    file.require_parameters(texts)
    values = {name: file.parameters[name].value_of(text, file.source) for name, text in texts.items()}
    checked = file.check_arguments(values)
    return {name: escape(value) if isinstance(value, str) else value for name, value in checked.items()}


def job(api: KfpClient, wish: SubmitOptions, file: PipelineFile) -> RunRequest:
    """Upload the pipeline's version, if it is not there yet, and say what is to be run.

    Raises:
        InputError: If the arguments do not suit the pipeline.
        ClusterError: If the API cannot be asked, or refuses.
    """
    given = arguments(file, wish.arguments)
    digest = hashlib.sha256(file.text.encode()).hexdigest()[:12]
    uploaded = api.upload(file, name=file.name, version=wish.version or f"{version('headrace')}-{digest}")
    return RunRequest(
        name=wish.name or f"{file.name}-{time.strftime('%Y%m%d-%H%M%S')}",
        what=uploaded,
        arguments=given,
        root=wish.root,
        service_account=wish.service_account,
        group=wish.group,
    )


def trigger(*, every: str = "", cron: str = "") -> dict[str, Any] | None:
    """When a run is started again; None for a single run.

    Args:
        every: Time between two starts, such as ``90m`` or ``24h``.
        cron: A schedule in UTC of six fields, the first of which is the second, or of five.

    Raises:
        InputError: If both are given, or one cannot be.
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
    # KFP counts seconds first, where everybody else begins with minutes.
    return {"cron_schedule": {"cron": " ".join(fields if len(fields) == max(_CRON_FIELDS) else ["0", *fields])}}


def find(api: KfpClient, run: str) -> str:
    """The id of a run that was named by its id or its name, of several the latest.

    Raises:
        InputError: If there is none of that name among the latest.
    """
    if _RUN.fullmatch(run):
        return run
    found = next((one.id for one in api.runs(_MOST_RUNS) if one.name == run), "")
    if not found:
        raise InputError(f"there is no run {quote(run)} among the latest {_MOST_RUNS}; headrace runs lists them.")
    return found
