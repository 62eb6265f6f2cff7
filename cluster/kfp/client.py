"""A client for the API of Kubeflow Pipelines (v2beta1): upload pipelines, start and read runs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import yaml

from headrace.cluster.api.transport import ApiRequest
from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp import run as kfp_run
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.transport import KfpTransport, form, transport
from headrace.core.base import settings
from headrace.core.base.environment_values import KfpSettings
from headrace.core.base.errors import ClusterError, InputError, MissingError

_API = "/apis/v2beta1"
_PAGE = 50
_UPLOAD_SECONDS = 120.0
DEFAULT_EXPERIMENT = "Default"


@dataclass(frozen=True)
class PipelineVersion:
    """An uploaded version of a pipeline.

    Attributes:
        pipeline: The pipeline's id.
        id: Its own id.
        name: Its name.
        new: Whether this upload created it.
    """

    pipeline: str
    id: str
    name: str
    new: bool = False


@dataclass(frozen=True)
class RunRequest:
    """A request for a run.

    Attributes:
        name: Name of the run.
        what: An uploaded version, or a pipeline to send with the run.
        arguments: Its arguments.
        root: Address for its artifacts, such as ``s3://BUCKET/runs``; empty for the server's default.
        service_account: Account of its pods; empty for the server's default.
        experiment_name: Name of the experiment that the run belongs to; empty for the default.
    """

    name: str
    what: PipelineVersion | PipelineFile
    arguments: Mapping[str, Any] = field(default_factory=dict)
    root: str = ""
    service_account: str = ""
    experiment_name: str = ""


@dataclass(frozen=True)
class KfpClient:
    """A client for Kubeflow Pipelines.

    Every method is safe for threads, has a timeout, and raises ``ClusterError``, whose ``reason`` says in a word what
    is wrong; a request that is safe to repeat is retried a few times.

    Attributes:
        transport: Sends requests.
        namespace: The user's namespace; empty with a single user.
    """

    transport: KfpTransport
    namespace: str = ""

    @property
    def address(self) -> str:
        """URL of the API."""
        return self.transport.address

    def has_several_users(self) -> bool:
        """Return whether each user has a namespace of their own for their steps."""
        return bool(self._ask("GET", "/healthz", "ask whether it has several users").get("multi_user"))

    def upload(self, file: PipelineFile, *, name: str, version: str) -> PipelineVersion:
        """Upload a pipeline and return its version; an existing version of that name stays as it is.

        Args:
            file: The compiled pipeline.
            name: Name of the pipeline, which is created if it does not exist.
            version: Name of the version.
        """
        pipeline = self._pipeline(name)
        try:
            created = self._upload(file, pipeline, version)
        except ClusterError as error:
            existing = next(
                (
                    candidate
                    for candidate in self._versions(pipeline)
                    if version in {candidate.get("name"), _show_facts(candidate)}
                ),
                None,
            )
            if error.reason != "exists" or existing is None:
                raise
            return PipelineVersion(pipeline, str(existing["pipeline_version_id"]), version)
        return PipelineVersion(pipeline, str(created["pipeline_version_id"]), version, new=True)

    def _pipeline(self, name: str) -> str:
        query = {"namespace": self.namespace} if self.namespace else {}
        path = f"/pipelines/names/{quote(name, safe='')}"
        try:
            pipeline = self._ask("GET", path, f"look for the pipeline {name}", query=query)
        except MissingError:
            body = {"name": name, "display_name": name, "namespace": self.namespace}
            pipeline = self._ask("POST", "/pipelines", f"make the pipeline {name}", body=body)
        return str(pipeline["pipeline_id"])

    def _upload(self, file: PipelineFile, pipeline: str, version: str) -> dict[str, Any]:
        data, kind = form("pipeline.yaml", file.text)
        request = ApiRequest(
            "POST",
            f"{_API}/pipelines/upload_version",
            f"upload {file.source}",
            query={"name": version, "display_name": version, "pipelineid": pipeline},
            body=data,
            content_type=kind,
            read_seconds=_UPLOAD_SECONDS,
            repeat=False,
        )
        created: dict[str, Any] = self.transport.json(request)
        return created

    def _versions(self, pipeline: str) -> Iterator[dict[str, Any]]:
        yield from self._pages(f"/pipelines/{pipeline}/versions", "pipeline_versions", "list the pipeline's versions")

    def start(self, job: RunRequest) -> str:
        """Start a run and return its id."""
        created = self._ask("POST", "/runs", f"start the run {job.name}", body=self._body(job))
        return str(created["run_id"])

    def schedule(self, job: RunRequest, *, trigger: Mapping[str, Any]) -> str:
        """Create a recurring run, with one run at a time and no catch-up of missed ones.

        Args:
            job: The run.
            trigger: ``{"periodic_schedule": {"interval_second": "3600"}}`` or ``{"cron_schedule": {"cron": ...}}``.

        Returns:
            The id of the recurring run.
        """
        body = {
            **self._body(job),
            "mode": "ENABLE",
            "max_concurrency": "1",
            "no_catchup": True,
            "trigger": dict(trigger),
            **({"namespace": self.namespace} if self.namespace else {}),
        }
        created = self._ask("POST", "/recurringruns", f"make the recurring run {job.name}", body=body)
        return str(created["recurring_run_id"])

    def _body(self, job: RunRequest) -> dict[str, Any]:
        experiment_id = self._experiment_id(job.experiment_name)
        config = {"parameters": dict(job.arguments), **({"pipeline_root": job.root} if job.root else {})}
        return {
            "display_name": job.name,
            "runtime_config": config,
            **_source(job.what),
            **({"experiment_id": experiment_id} if experiment_id else {}),
            **({"service_account": job.service_account} if job.service_account else {}),
        }

    def _experiment_id(self, name: str) -> str:
        """Return the id of an experiment, created if it does not exist; empty to leave it to the server."""
        if not name and not self.namespace:
            return ""
        experiment_name = name or DEFAULT_EXPERIMENT
        for experiment in self._pages("/experiments", "experiments", "list the experiments"):
            if _show_facts(experiment) == experiment_name:
                return str(experiment["experiment_id"])
        body = {"display_name": experiment_name, "namespace": self.namespace}
        return str(
            self._ask("POST", "/experiments", f"make the experiment {experiment_name}", body=body)["experiment_id"]
        )

    def run(self, run: str) -> PipelineRun:
        """Return a run by its id.

        Raises:
            MissingError: If it does not exist.
        """
        return kfp_run.read(self._ask("GET", f"/runs/{quote(run, safe='')}", f"look at the run {run}"))

    def pipeline_of(self, run: PipelineRun) -> PipelineFile:
        """Return the pipeline of a run, from the run itself or from its pipeline version.

        Raises:
            MissingError: If the version was deleted.
        """
        spec = run.facts.get("pipeline_spec")
        if not spec:
            reference = run.facts.get("pipeline_version_reference") or {}
            path = f"/pipelines/{reference.get('pipeline_id')}/versions/{reference.get('pipeline_version_id')}"
            spec = self._ask("GET", path, f"look at the pipeline of {run.name}").get("pipeline_spec") or {}
        parts = [spec["pipeline_spec"], spec.get("platform_spec")] if "pipeline_spec" in spec else [spec]
        return pipeline_spec.parse(yaml.safe_dump_all(list(filter(None, parts))), source=run.name)

    def runs(self, limit: int = _PAGE) -> list[PipelineRun]:
        """Return the latest runs, newest first."""
        latest = []
        query = {"sort_by": "created_at desc", "page_size": str(min(limit, _PAGE))}
        for document in self._pages("/runs", "runs", "list the runs", query=query):
            latest.append(kfp_run.read(document))
            if len(latest) >= limit:
                break
        return latest

    def recurring(self) -> list[dict[str, Any]]:
        """Return the recurring runs as the server's documents."""
        return list(self._pages("/recurringruns", "recurringRuns", "list the recurring runs"))

    def end(self, run: str) -> None:
        """Terminate a run; its running pods are killed, and it counts as failed afterwards."""
        self._ask("POST", f"/runs/{quote(run, safe='')}:terminate", f"end the run {run}")

    def pause(self, run: str) -> None:
        """Disable a recurring run, so that it starts no more runs."""
        self._ask("POST", f"/recurringruns/{quote(run, safe='')}:disable", f"disable the recurring run {run}")

    def unschedule(self, run: str) -> None:
        """Delete a recurring run, and with it the Workflows and pods of its active runs.

        The API continues to report those as running, so they must have ended before.
        """
        self._ask("DELETE", f"/recurringruns/{quote(run, safe='')}", f"delete the recurring run {run}")

    def _ask(
        self, method: str, path: str, doing: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> dict[str, Any]:
        repeat = method != "POST" or path.endswith((":terminate", ":disable"))
        request = ApiRequest(method, _API + path, doing, query=query or {}, body=body, repeat=repeat)
        answer = self.transport.json(request)
        if not isinstance(answer, dict):
            raise ClusterError(f"Kubeflow Pipelines at {self.address} must answer with an object ({doing}).")
        return answer

    def _pages(
        self, path: str, items: str, doing: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            parameters = {"page_size": str(_PAGE), **(query or {}), "page_token": token, "namespace": self.namespace}
            page = self._ask("GET", path, doing, query={name: value for name, value in parameters.items() if value})
            yield from page.get(items) or []
            token = str(page.get("next_page_token") or "")
            if not token:
                return


def _show_facts(facts: Mapping[str, Any]) -> str:
    return str(facts.get("display_name") or "")


def _source(what: PipelineVersion | PipelineFile) -> dict[str, Any]:
    if isinstance(what, PipelineVersion):
        return {"pipeline_version_reference": {"pipeline_id": what.pipeline, "pipeline_version_id": what.id}}
    spec = json.loads(json.dumps(what.spec))
    if what.platform:
        spec = {"pipeline_spec": spec, "platform_spec": json.loads(json.dumps(what.platform))}
    return {"pipeline_spec": spec}


def connect(given: KfpSettings | None = None) -> KfpClient:
    """Return a client for the API without sending a request.

    Args:
        given: Settings of the API; None to read ``HEADRACE_KFP_*``.

    Raises:
        InputError: If no address is set.
    """
    kfp_settings = given or settings.kfp_settings()
    if kfp_settings is None:
        raise InputError(
            "Kubeflow Pipelines must be named: set HEADRACE_KFP_ENDPOINT, such as to http://127.0.0.1:8888 after "
            "kubectl port-forward -n kubeflow svc/ml-pipeline 8888:8888."
        )
    return KfpClient(transport(kfp_settings), kfp_settings.namespace)
