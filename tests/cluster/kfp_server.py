"""The API server of Kubeflow Pipelines, played over real HTTP, for the platform itself cannot be had here.

It answers the calls of v2beta1 that the official client makes, in the form that was seen of a live one: states that are
missing at first, ``finished_at`` of 1970 until the end, a duplicate name refused with a stack of Go in the body, an
unknown argument refused in KFP's words, a terminated run that ends ``FAILED`` with ``CANCELING`` in its history if its
Workflow was looked at meanwhile, an executor that is ``SKIPPED`` where a step came from the cache, task details without
a name, nodes of which no pod is told, and no word of why a step failed. Above Argo's limit the nodes are compressed and
the states stand still; what a deleted recurring run has started is deleted with it and called running for ever; an
importer reads the launcher's own store only. A submitted pipeline is really run, by ``kfp.local`` in a process of its
own, with arguments as they came; what its steps leave goes to a real object store under the keys of KFP's launcher, of
a failed step the log alone. The older API tells the Workflow, which ``tests.cluster.argo`` plays.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.core.base.environment_values import KfpSettings
from headrace.core.base.errors import InputError
from headrace.core.base.settings import StoreSettings
from headrace.stores.objects.object_store import connect
from tests import fork_server
from tests.cluster import argo
from tests.cluster.argo import Node, Play

EPOCH = "1970-01-01T00:00:00Z"
STACK = (
    "\ngithub.com/kubeflow/pipelines/backend/src/common/util.NewAlreadyExistError\n\t/go/src/error.go:211\nmain.main"
)
_EXECUTING = re.compile(r"- INFO - Executing task '(?P<task>[^']+)'")
_FINISHED = re.compile(r"- (?:INFO|ERROR) - Task '(?P<task>[^']+)' finished with status (?P<status>\w+)")
_COLOUR = re.compile(r"\x1b\[\d+m")


def now() -> str:
    """The time as KFP writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class RefusedError(Exception):
    """A request that is refused: HTTP status, gRPC code, words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class PlayedRun:
    """A run."""

    facts: dict[str, Any]
    pipeline: PipelineFile
    state: str | None = None
    history: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    finished: str = EPOCH
    process: "subprocess.Popen[bytes] | None" = None
    log: str = ""
    stopped: bool = False
    deleted: bool = False
    message: str = ""

    @property
    def workflow_name(self) -> str:
        """Name of its Workflow."""
        return f"{self.pipeline.name[:20]}-{self.facts['run_id'][:5]}"

    @property
    def phase(self) -> str:
        """Phase of its Workflow."""
        phases = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", None: "", "PENDING": ""}
        return phases.get(self.state, "Running")

    def to(self, state: str) -> None:
        """Change the state."""
        self.state = state
        self.history.append(state)


@dataclass
class KfpServer:
    """Kubeflow Pipelines for one test.

    Attributes:
        store: The cluster's object store; None to keep nothing.
        environment: Variables of the steps' pods, as a Secret gives them.
        cached: Tasks whose outputs are said to come from an earlier run, and are not in this run's place.
        stuck: Why a task's pod cannot start, by its name, with ``-driver`` for its driver: the run stands there.
        refused: What Argo says of a Workflow of which no pod can be made: the run fails.
        play: How Argo Workflows plays.
        kept: Whether the server tells the Workflow, by the older API.
        notices: Whether the server looks at a Workflow between its being told to end and its end.
        broken: Status to answer the next requests with.
        token: Bearer token that is asked for; empty for none.
        several_users: Whether each user has a namespace.
        asked: Method, path and body of each request.
    """

    store: StoreSettings | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cached: frozenset[str] = frozenset()
    stuck: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    play: Play = field(default_factory=Play)
    kept: bool = True
    notices: bool = True
    broken: list[int] = field(default_factory=list)
    token: str = ""
    several_users: bool = False
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, PlayedRun] = field(default_factory=dict)
    recurring: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    address: str = ""
    folder: Path = Path()
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def settings(self) -> KfpSettings:
        """How a client reaches it."""
        return KfpSettings(self.address, token=self.token)

    @property
    def log_name(self) -> str:
        """What the launcher calls the log of a step's first attempt."""
        return "executor-logs-0" if self.play.retries else "executor-logs"

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            RefusedError: If it is refused.
        """
        for pattern, name in _ROUTES:
            match = re.fullmatch(pattern, f"{method} {path}")
            if match:
                found: dict[str, Any] = getattr(self, name)(*map(unquote, match.groups()), query=query, body=body)
                return found
        raise RefusedError(404, 5, "")

    def admit(self, authorization: str) -> None:
        """Refuse a request before it is looked at.

        Raises:
            RefusedError: If the server is to be broken, or the token is not its own.
        """
        if self.broken:
            raise RefusedError(self.broken.pop(0), 0, "")
        if self.token and authorization != f"Bearer {self.token}":
            raise RefusedError(401, 16, "Request header error: there is no user identity header")

    def healthz(self, **_: Any) -> dict[str, Any]:
        """The server's own state."""
        return {"multi_user": self.several_users}

    def pipeline_by_name(self, name: str, **_: Any) -> dict[str, Any]:
        """A pipeline."""
        found = next((one for one in self.pipelines.values() if one["name"] == name), None)
        if found is None:
            raise RefusedError(
                404, 5, f"Failed to get a pipeline by name: ResourceNotFoundError: Pipeline {name} not found"
            )
        return found

    def make_pipeline(self, *, body: Any, **_: Any) -> dict[str, Any]:
        """Make a pipeline."""
        if any(one["name"] == body["name"] for one in self.pipelines.values()):
            raise RefusedError(
                409, 6, f"Failed to create a pipeline: Already exist error: The name {body['name']} exists"
            )
        made = {"pipeline_id": str(uuid.uuid4()), "created_at": now(), **body}
        self.pipelines[made["pipeline_id"]] = made
        return made

    def upload_version(self, *, query: Mapping[str, str], body: Any, **_: Any) -> dict[str, Any]:
        """Take a file."""
        pipeline = self.pipelines.get(query["pipelineid"])
        if pipeline is None:
            raise RefusedError(404, 5, f"Pipeline {query['pipelineid']} not found")
        if any(
            one["pipeline_id"] == pipeline["pipeline_id"] and one["name"] == query["name"]
            for one in self.versions.values()
        ):
            raise RefusedError(
                409, 6, f"Failed to upload a version: Already exist error: The name {query['name']} already exist"
            )
        spec, *rest = yaml.safe_load_all(body)
        made = {
            "pipeline_id": pipeline["pipeline_id"],
            "pipeline_version_id": str(uuid.uuid4()),
            "name": query["name"],
            "display_name": query["display_name"],
            "created_at": now(),
            "pipeline_spec": {"pipeline_spec": spec, "platform_spec": rest[0]} if rest else spec,
        }
        self.versions[made["pipeline_version_id"]] = made
        return made

    def list_versions(self, pipeline: str, **_: Any) -> dict[str, Any]:
        """Versions of a pipeline."""
        return {"pipeline_versions": [one for one in self.versions.values() if one["pipeline_id"] == pipeline]}

    def version(self, _pipeline: str, version: str, **_: Any) -> dict[str, Any]:
        """A version."""
        return self.versions[version]

    def list_experiments(self, **_: Any) -> dict[str, Any]:
        """Experiments."""
        return {"experiments": list(self.experiments.values())}

    def make_experiment(self, *, body: Any, **_: Any) -> dict[str, Any]:
        """Make an experiment."""
        made = {"experiment_id": str(uuid.uuid4()), **body}
        self.experiments[made["experiment_id"]] = made
        return made

    def _spec(self, body: Mapping[str, Any]) -> PipelineFile:
        spec = body.get("pipeline_spec")
        if spec is None:
            reference = body["pipeline_version_reference"]["pipeline_version_id"]
            spec = self.versions[reference]["pipeline_spec"]
        parts = [spec["pipeline_spec"], spec["platform_spec"]] if "pipeline_spec" in spec else [spec]
        try:
            found = pipeline_spec.parse(yaml.safe_dump_all(parts), source="spec")
            unknown = [name for name in body["runtime_config"]["parameters"] if name not in found.parameters]
        except InputError as error:
            raise RefusedError(400, 3, f"Failed to create a new run: InvalidInputError: {error}{STACK}") from error
        if unknown:
            raise RefusedError(
                400,
                3,
                "Failed to create a new run: InvalidInputError: parameter(s) provided are not required by pipeline: "
                f"{', '.join(unknown)}{STACK}",
            )
        return found

    def start(self, *, body: Any, **_: Any) -> dict[str, Any]:
        """Start a run."""
        made = PlayedRun({"run_id": str(uuid.uuid4()), "created_at": now(), **body}, self._spec(body))
        self.runs[made.facts["run_id"]] = made
        thread = threading.Thread(target=self._work, args=(made,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._told(made)

    def schedule(self, *, body: Any, **_: Any) -> dict[str, Any]:
        """Make a recurring run."""
        self._spec(body)
        if not 1 <= int(body["max_concurrency"]) <= 10:
            raise RefusedError(400, 3, "Max concurrency of a recurring run must be at leas 1 and at most 10.")
        cron = body["trigger"].get("cron_schedule", {}).get("cron")
        if cron is not None and len(cron.split()) not in {5, 6}:
            raise RefusedError(400, 3, f"Schedule cron is not a supported format: Expected 5 or 6 fields, found {cron}")
        made = {"recurring_run_id": str(uuid.uuid4()), "status": "ENABLED", "created_at": now(), **body}
        self.recurring[made["recurring_run_id"]] = made
        return made

    def list_recurring(self, **_: Any) -> dict[str, Any]:
        """Recurring runs."""
        return {"recurringRuns": list(self.recurring.values())}

    def disable(self, run: str, **_: Any) -> dict[str, Any]:
        """Have a recurring run start nothing more."""
        if run not in self.recurring:
            raise RefusedError(404, 5, f"Failed to disable: ResourceNotFoundError: Job {run} not found{STACK}")
        self.recurring[run]["status"] = "DISABLED"
        return {}

    def unschedule(self, run: str, **_: Any) -> dict[str, Any]:
        """Delete a recurring run, and with it the Workflows that it owns; what was under way runs for ever, it says."""
        if self.recurring.pop(run, None) is None:
            raise RefusedError(404, 5, f"Failed to delete: ResourceNotFoundError: Job {run} not found{STACK}")
        for one in self.runs.values():
            if one.facts.get("recurring_run_id") == run and one.state not in {"SUCCEEDED", "FAILED"}:
                one.deleted = True
                if one.process:
                    os.killpg(one.process.pid, signal.SIGKILL)
        return {}

    def tick(self, run: str) -> str | None:
        """The time of a recurring run has come: it starts a run under a name of the server's, if it is enabled."""
        found = self.recurring[run]
        if found["status"] != "ENABLED":
            return None
        facts = {
            key: found[key] for key in ("pipeline_version_reference", "pipeline_spec", "runtime_config") if key in found
        }
        name = f"{found['display_name']}{run[:5]}-1-{len(self.runs)}"
        return str(self.start(body={**facts, "display_name": name, "recurring_run_id": run})["run_id"])

    def _known(self, run: str) -> PlayedRun:
        if run not in self.runs:
            raise RefusedError(404, 5, f"Failed to get a run: ResourceNotFoundError: Run {run} not found{STACK}")
        return self.runs[run]

    def run(self, run: str, **_: Any) -> dict[str, Any]:
        """A run."""
        return self._told(self._known(run))

    def list_runs(self, *, query: Mapping[str, str], **_: Any) -> dict[str, Any]:
        """Runs, page by page, the latest first if that is asked for."""
        runs = [self._told(one) for one in self.runs.values()]
        if query.get("sort_by") == "created_at desc":
            runs.reverse()
        first, size = int(query.get("page_token", "0")), int(query.get("page_size", "10"))
        more = {"next_page_token": str(first + size)} if first + size < len(runs) else {}
        return {"runs": runs[first : first + size], "total_size": len(runs), **more}

    def terminate(self, run: str, **_: Any) -> dict[str, Any]:
        """End a run."""
        found = self._known(run)
        if found.state in {"SUCCEEDED", "FAILED", "CANCELING"}:
            raise RefusedError(400, 3, f"Failed to terminate a run {run}. Row not found{STACK}")
        if found.deleted:
            found.state = "CANCELING"
            raise RefusedError(
                500, 13, f'Failed to terminate: workflows.argoproj.io "{found.workflow_name}" not found{STACK}'
            )
        if self.notices:
            found.history.append("CANCELING")
        found.state, found.stopped = "CANCELING", True
        if found.process:
            os.killpg(found.process.pid, signal.SIGKILL)
        return {}

    def older(self, run: str, **_: Any) -> dict[str, Any]:
        """A run in the older API, which tells its Workflow as it was reported last."""
        found = self._known(run)
        if not self.kept:
            raise RefusedError(404, 5, "")
        manifest = json.dumps(self.workflow(found))
        return {"run": {"id": run}, "pipeline_runtime": {"workflow_manifest": manifest}}

    def workflow(self, run: PlayedRun) -> dict[str, Any]:
        """The Workflow of a run."""
        return argo.workflow(
            run.workflow_name,
            run.facts["run_id"],
            self._nodes(run),
            phase=run.phase,
            message=run.message,
            stopped=run.stopped,
            play=self.play,
        )

    def _nodes(self, run: PlayedRun) -> dict[str, Any]:
        phase = run.phase
        return (
            argo.nodes(run.workflow_name, run.pipeline, dict(run.nodes), phase=phase, play=self.play) if phase else {}
        )

    def _told(self, run: PlayedRun) -> dict[str, Any]:
        details: list[dict[str, Any]] = [{"run_id": run.facts["run_id"], "state": "SUCCEEDED"}]  # one without a name
        details += argo.task_details(run.facts["run_id"], self._nodes(run))
        if self.play.compressed and run.nodes:
            details = self._still(run)
        return {
            **{key: value for key, value in run.facts.items() if value is not None},
            **({"state": run.state} if run.state else {}),
            "finished_at": run.finished,
            "state_history": [{"state": state} for state in run.history],
            "run_details": {"task_details": details},
        }

    def _still(self, run: PlayedRun) -> list[dict[str, Any]]:
        """What the server saw last before the nodes were compressed: a first step at work."""
        first = next(iter(run.nodes.values()))
        then = {first.task: replace(first, state="RUNNING", ended=None)}
        found = argo.nodes(run.workflow_name, run.pipeline, then, phase="Running", play=self.play)
        return argo.task_details(run.facts["run_id"], found)

    def _work(self, run: PlayedRun) -> None:
        """Run a pipeline, really."""
        home = self.folder / run.facts["run_id"]
        (home / "logs").mkdir(parents=True)
        (home / "pipeline.yaml").write_text(run.pipeline.text)
        arguments = run.facts["runtime_config"]["parameters"]
        request = {"file": str(home / "pipeline.yaml"), "arguments": arguments, "root": str(home / "steps")}
        if run.state != "CANCELING":
            time.sleep(0.2)  # pending
        if self.stuck or self.refused:
            self._stand(run)
            return
        strange = self.strange_import(run)
        if strange:
            run.nodes[strange] = Node(
                strange, "RUNNING", now(), message="Invalid region: region was not a valid DNS name."
            )
            self._end(run, "FAILED")
            return
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
        with (home / "logs" / "log").open("wb") as log:
            run.process = subprocess.Popen(
                [fork_server.python(), "-m", "headrace.pipelines.local.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**kept, **self.environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        if run.state == "CANCELING":
            os.killpg(run.process.pid, signal.SIGKILL)
        else:
            run.to("RUNNING")
        assert run.process.stdin is not None
        with suppress(BrokenPipeError), run.process.stdin as stream:
            stream.write(json.dumps(request).encode())
        while True:
            ended = run.process.poll() is not None
            self._read(run, home)
            if ended:
                break
            time.sleep(0.1)
        with suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGKILL)
        if not run.deleted:
            self._end(run, "SUCCEEDED" if run.process.returncode == 0 else "FAILED")

    @staticmethod
    def strange_import(run: PlayedRun) -> str:
        """The importer that reads another store than the launcher's own, which it cannot; empty if there is none."""
        config, spec = run.facts["runtime_config"], run.pipeline.spec
        own = (config.get("pipeline_root") or "minio://mlpipeline").split("/")[:3]
        executors = spec["deploymentSpec"]["executors"]
        for name, task in spec["root"]["dag"]["tasks"].items():
            component = spec["components"][task["componentRef"]["name"]]
            if "importer" not in executors.get(component.get("executorLabel", ""), {}):
                continue
            given = task["inputs"]["parameters"]["uri"]
            parameter = given.get("componentInputParameter")
            address = config["parameters"].get(parameter) if parameter else given["runtimeValue"]["constant"]
            if str(address).startswith(("s3://", "minio://")) and str(address).split("/")[:3] != own:
                return str(name)
        return ""

    def _end(self, run: PlayedRun, state: str) -> None:
        """End a run; what runs is killed, and what waits for what failed is left out."""
        for node in run.nodes.values():
            if node.state in {"RUNNING", "PENDING"}:
                node.state, node.ended = "FAILED", now()
                node.message = "Step exceeded its deadline" if run.stopped else node.message
        for step in run.pipeline.steps if state == "FAILED" else ():
            run.nodes.setdefault(step, Node(step, "OMITTED", now(), now()))
        run.finished = now()
        run.to(state)

    def _stand(self, run: PlayedRun) -> None:
        """A run of which something cannot start."""
        for task, why in self.stuck.items():
            name = task.removesuffix("-driver")
            here = {"driver": why} if name != task else {"message": why}
            run.nodes[name] = Node(name, "PENDING", now(), **here)
        if run.state != "CANCELING":
            run.to("RUNNING")
        run.message = self.refused
        while not run.stopped and not run.deleted and not self.refused:
            time.sleep(0.05)
        if not run.deleted:
            self._end(run, "FAILED")

    def _read(self, run: PlayedRun, home: Path) -> None:
        """Take in what the runner's log says of steps, and put what they left into the store."""
        run.log = _COLOUR.sub("", (home / "logs" / "log").read_text(errors="replace"))
        for match in _EXECUTING.finditer(run.log):
            if match["task"] in run.pipeline.steps and match["task"] not in run.nodes:
                run.nodes[match["task"]] = Node(match["task"], "RUNNING", now(), cached=match["task"] in self.cached)
        for match in _FINISHED.finditer(run.log):
            node = run.nodes.get(match["task"])
            if node and node.state == "RUNNING":
                began = run.log.rindex(f"Executing task '{node.task}'", 0, match.start())
                text = "\n".join(line.strip() for line in run.log[began : match.start()].splitlines())
                well = match["status"] == "SUCCESS"
                self._keep(run, node, home, text, well=well)
                node.state, node.ended = "SUCCEEDED" if well else "FAILED", now()

    def _keep(self, run: PlayedRun, node: Node, home: Path, log: str, *, well: bool) -> None:
        if self.store is None or node.task in self.cached:
            return
        root = run.facts["runtime_config"].get("pipeline_root") or "minio://mlpipeline/v2/artifacts"
        bucket, _, prefix = root.partition("://")[2].partition("/")
        store = connect(replace(self.store, bucket=bucket))
        place = "/".join(filter(None, [prefix, run.pipeline.name, run.facts["run_id"], node.task, node.salt]))
        store.put_bytes(f"{place}/{self.log_name}", log.encode())
        for task in (home / "steps").glob(f"*/**/{node.task}") if well else []:
            for path in task.rglob("*"):
                if path.is_file() and path.name != "executor_output.json":
                    store.put_file(f"{place}/{path.relative_to(task).as_posix()}", path)

    def wait(self) -> None:
        """Wait for all runs."""
        for thread in self._threads:
            thread.join(300)

    def kill(self) -> None:
        """Leave no process behind."""
        for run in self.runs.values():
            run.stopped = True
            if run.process and run.process.poll() is None:
                os.killpg(run.process.pid, signal.SIGKILL)
        self.wait()


_API = "/apis/v2beta1"
_ID = "([^/:]+)"
_ROUTES = [
    (f"GET {_API}/healthz", "healthz"),
    (f"GET {_API}/pipelines/names/{_ID}", "pipeline_by_name"),
    (f"POST {_API}/pipelines", "make_pipeline"),
    (f"POST {_API}/pipelines/upload_version", "upload_version"),
    (f"GET {_API}/pipelines/{_ID}/versions", "list_versions"),
    (f"GET {_API}/pipelines/{_ID}/versions/{_ID}", "version"),
    (f"GET {_API}/experiments", "list_experiments"),
    (f"POST {_API}/experiments", "make_experiment"),
    (f"POST {_API}/runs", "start"),
    (f"GET {_API}/runs", "list_runs"),
    (f"GET {_API}/runs/{_ID}", "run"),
    (f"POST {_API}/runs/{_ID}:terminate", "terminate"),
    (f"GET /apis/v1beta1/runs/{_ID}", "older"),
    (f"POST {_API}/recurringruns", "schedule"),
    (f"GET {_API}/recurringruns", "list_recurring"),
    (f"POST {_API}/recurringruns/{_ID}:disable", "disable"),
    (f"DELETE {_API}/recurringruns/{_ID}", "unschedule"),
]


def _uploaded(content_type: str, data: bytes) -> str:
    """The file of a form, as browsers send it."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + data)
    (part,) = message.iter_parts()
    assert part.get_param("name", header="content-disposition") == "uploadfile"
    return bytes(part.get_payload(decode=True) or b"").decode()


def _handler(server: KfpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Nothing on standard error."""

        def _body(self) -> Any:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type", "")
            if kind.startswith("multipart/form-data"):
                return _uploaded(kind, data)
            return json.loads(data) if data else None

        def _answer(self) -> None:
            place = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(place.query).items()}
            body = self._body()
            server.asked.append((self.command, self.path, body))
            status, answer = 200, {}
            try:
                server.admit(self.headers.get("Authorization") or "")
                answer = server.answer(self.command, place.path, query, body)
            except RefusedError as refused:
                status, answer = refused.status, _error(refused, uploading="upload" in place.path)
            data = json.dumps(answer).encode() if answer is not None else b"not found"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    return Handler


def _error(refused: RefusedError, *, uploading: bool) -> Any:
    if not refused.message:
        return None
    if uploading:
        return {"error_message": refused.message, "error_details": refused.message + STACK}
    said = refused.message
    return {"error": said, "code": refused.code, "message": said, "details": [{"@type": "type.googleapis.com/x"}]}


@contextmanager
def kubeflow_pipelines(**options: Any) -> Iterator[KfpServer]:
    """The server at work for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="kfp-") as folder:
        played = KfpServer(folder=Path(folder), **options)
        http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(played))
        http.daemon_threads = True
        played.address = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield played
        finally:
            played.kill()
            http.shutdown()
            http.server_close()
            thread.join(10)
