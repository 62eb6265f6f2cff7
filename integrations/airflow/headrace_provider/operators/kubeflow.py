"""The operator that runs a pipeline on Kubeflow and follows it."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context, conf
from airflow.sdk.exceptions import AirflowException, TaskDeferralTimeout

from headrace_provider.hooks.headrace import HeadraceHook
from headrace_provider.kubeflow_run import RunEnd, RunWatch, active_run, read_document
from headrace_provider.program import HeadraceError, Program, options
from headrace_provider.triggers.kubeflow import HeadraceKubeflowRunTrigger

_KEY = "headrace_kubeflow_run"
_CANCEL_SECONDS = 90.0


class HeadraceKubeflowOperator(BaseOperator):
    """Runs a pipeline on Kubeflow and follows it: ``headrace submit``.

    When the task is cleared or marked, the run is cancelled. When its worker is killed, the next try follows the run
    that is under way instead of starting a second one. A run of which no step has begun within ``start_timeout`` is
    cancelled and an error, with what stands in its way.

    The task returns the run's id, its name, and the address of Kubeflow Pipelines.

    Args:
        pipeline: Name of a shipped pipeline, such as ``training``, or the file of a compiled one.
        pipeline_arguments: Arguments of the pipeline, by name.
        options: Other options of ``headrace submit`` by name, such as ``{"pipeline_root": "s3://lake/runs"}``.
        headrace_conn_id: Connection of the type ``headrace``.
        deferrable: Whether the triggerer follows the run, so that no worker is needed meanwhile.
        poll_interval: Seconds between two looks at the run.
        start_timeout: Seconds within which a first step must begin.
        patience: Seconds for which Kubeflow Pipelines may not answer.
        kwargs: Those of any operator.
    """

    template_fields: Sequence[str] = ("pipeline", "pipeline_arguments", "options", "headrace_conn_id")
    ui_color = "#cfe2ff"

    def __init__(
        self,
        *,
        pipeline: str,
        pipeline_arguments: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        headrace_conn_id: str = HeadraceHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 15.0,
        start_timeout: float = 50.0,
        patience: float = 300.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.pipeline_arguments = pipeline_arguments or {}
        self.options = options or {}
        self.headrace_conn_id = headrace_conn_id
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.start_timeout = start_timeout
        self.patience = patience
        self._run_id = ""
        self._killed = False

    def execute(self, context: Context) -> dict[str, str]:
        """Start the run, or find that of an earlier try, and follow it.

        Raises:
            AirflowException: If the run fails, is not begun, or cannot be followed.
        """
        store = context["task_state_store"]
        try:
            program = HeadraceHook(self.headrace_conn_id).get_conn()
            run = self._found(program, store.get(_KEY)) or self._submitted(program, store, context)
        except HeadraceError as error:
            raise AirflowException(str(error)) from error
        self._run_id = run["run_id"]
        store.set(_KEY, {**run, "deferred": self.deferrable})
        if self.deferrable:
            self.defer(trigger=self._trigger(), method_name="execute_complete", timeout=self.execution_timeout)
        end = self._follow(program)
        return self._concluded(context, end, run)

    def execute_complete(self, context: Context, event: Mapping[str, str]) -> dict[str, str]:
        """Take up the task again when the trigger has seen the end of the run."""
        stored = context["task_state_store"].get(_KEY)
        name = stored["name"] if isinstance(stored, dict) else ""
        run = {"run_id": event["run_id"], "name": name}
        self._run_id = event["run_id"]
        return self._concluded(context, RunEnd(event["outcome"], event["text"]), run)  # type: ignore[arg-type]

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Take up the task again; if it is out of time, cancel the run first."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            run = context["task_state_store"].get(_KEY)
            if isinstance(run, dict):
                self._run_id = str(run.get("run_id", ""))
                self._cancel()
            raise

    def on_kill(self) -> None:
        """Cancel the run."""
        self._killed = True
        self._cancel()

    def _trigger(self) -> HeadraceKubeflowRunTrigger:
        return HeadraceKubeflowRunTrigger(
            run_id=self._run_id,
            headrace_conn_id=self.headrace_conn_id,
            since=time.time(),
            poll_interval=self.poll_interval,
            start_timeout=self.start_timeout,
            patience=self.patience,
        )

    def _submitted(self, program: Program, store: Any, context: Context) -> dict[str, str]:
        ti = context["ti"]
        name = f"{ti.dag_id}-{ti.task_id}-{uuid.uuid4().hex[:12]}"[-120:]
        # Stored before the start: if this worker is killed in between, the next try looks for a run of this name.
        store.set(_KEY, {"name": name, "run_id": "", "deferred": False})
        arguments = [f"--argument={name}={value}" for name, value in self.pipeline_arguments.items()]
        given = ["submit", self.pipeline, *arguments, f"--name={name}", "--json", *options(self.options)]
        started = read_document(program.run(*given))
        self.log.info("the run %s has begun: %s", name, started["run_id"])
        return {"name": name, "run_id": str(started["run_id"])}

    def _found(self, program: Program, lost: Any) -> dict[str, str] | None:
        """Return the run of an earlier try that was lost, if it is under way; one whose task was cleared is ended."""
        if not isinstance(lost, dict):
            return None
        name = str(lost["name"])
        run = active_run(read_document(program.run("runs", "--json", "--limit", "200")), name)
        if run is None:
            return None
        if not lost["deferred"] and run["state"] != "canceling":
            self.log.info("the run %s of an earlier try is under way: this try follows it.", name)
            return {"name": name, "run_id": str(run["id"])}
        # While a task is deferred, no worker can be lost: somebody cleared it, and the run is, or is to be, cancelled.
        self._run_id = str(run["id"])
        self._cancel()
        deadline = time.monotonic() + _CANCEL_SECONDS
        while not read_document(program.run("runs", self._run_id, "--json"))["has_ended"]:
            if time.monotonic() > deadline:
                raise HeadraceError(
                    f"the run {name} of an earlier try was cancelled and does not end: headrace runs {name}"
                )
            time.sleep(1)
        return None

    def _follow(self, program: Program) -> RunEnd:
        watch = RunWatch(time.time(), self.start_timeout, self.patience)
        while not self._killed:
            try:
                status = read_document(program.run("runs", self._run_id, "--json"))
            except HeadraceError as error:
                end = watch.miss(error, time.time())
                self.log.warning("%s", error)
            else:
                end = watch.judge(status, time.time())
                news = watch.news(status)
                if news:
                    self.log.info("%s", news)
            if end:
                return end
            time.sleep(self.poll_interval)
        return RunEnd("failed", "the run was cancelled, because the task was cleared, marked or out of time.")

    def _concluded(self, context: Context, end: RunEnd, run: Mapping[str, Any]) -> dict[str, str]:
        if end.outcome == "stuck":
            self._cancel()
        context["task_state_store"].delete(_KEY)
        if end.outcome != "succeeded":
            _fail(end)
        endpoint = HeadraceHook(self.headrace_conn_id).get_conn().environment.get("HEADRACE_KFP_ENDPOINT", "")
        return {"run_id": str(run["run_id"]), "name": str(run["name"]), "kfp_endpoint": endpoint}

    def _cancel(self) -> None:
        if not self._run_id:
            return
        try:
            HeadraceHook(self.headrace_conn_id).get_conn().run("cancel", self._run_id, seconds=_CANCEL_SECONDS)
        except HeadraceError as error:
            self.log.warning("the run %s was not cancelled: %s", self._run_id, error)
        else:
            self.log.info("the run %s is cancelled.", self._run_id)


def _fail(end: RunEnd) -> NoReturn:
    raise AirflowException(f"{end.text} It was cancelled." if end.outcome == "stuck" else end.text)
