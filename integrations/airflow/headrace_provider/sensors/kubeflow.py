"""The sensor that waits for a run on Kubeflow that something else has started."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, conf
from airflow.sdk.exceptions import AirflowException

from headrace_provider.hooks.headrace import HeadraceHook
from headrace_provider.kubeflow_run import RunEnd, RunWatch, read_document
from headrace_provider.program import HeadraceError
from headrace_provider.triggers.kubeflow import HeadraceKubeflowRunTrigger


class HeadraceKubeflowRunSensor(BaseSensorOperator):
    """Waits until a run on Kubeflow has succeeded; fails if it fails, or if nobody begins with it.

    The run is not the sensor's own: clearing the task leaves it alone.

    Args:
        run_id: The run's id.
        headrace_conn_id: Connection of the type ``headrace``.
        deferrable: Whether the triggerer waits, so that no worker is needed meanwhile.
        start_timeout: Seconds within which a first step must begin.
        patience: Seconds for which Kubeflow Pipelines may not answer.
        kwargs: Those of any sensor.
    """

    template_fields: Sequence[str] = ("run_id", "headrace_conn_id")
    ui_color = "#cfe2ff"

    def __init__(
        self,
        *,
        run_id: str,
        headrace_conn_id: str = HeadraceHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        start_timeout: float = 50.0,
        patience: float = 300.0,
        poke_interval: float = 15.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.run_id = run_id
        self.headrace_conn_id = headrace_conn_id
        self.deferrable = deferrable
        self.start_timeout = start_timeout
        self.patience = patience
        self._watch: RunWatch | None = None

    def execute(self, context: Context) -> Any:
        """Wait, here or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        trigger = HeadraceKubeflowRunTrigger(
            run_id=self.run_id,
            headrace_conn_id=self.headrace_conn_id,
            since=time.time(),
            poll_interval=float(self.poke_interval),
            start_timeout=self.start_timeout,
            patience=self.patience,
            cancel_on_kill=False,
        )
        return self.defer(trigger=trigger, method_name="execute_complete", timeout=self.timeout)

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - Airflow gives it
        """Return whether the run has succeeded.

        Raises:
            AirflowException: If it has failed, is not begun in time, or cannot be asked for.
        """
        self._watch = watch = self._watch or RunWatch(time.time(), self.start_timeout, self.patience)
        try:
            program = HeadraceHook(self.headrace_conn_id).get_conn()
            end = watch.judge(read_document(program.run("runs", self.run_id, "--json")), time.time())
        except HeadraceError as error:
            end = watch.miss(error, time.time())
            self.log.warning("%s", error)
        return end is not None and _succeeded(end)

    def execute_complete(self, context: Context, event: Mapping[str, str]) -> None:  # noqa: ARG002
        """Take up the task again when the trigger has seen the end of the run."""
        _succeeded(RunEnd(event["outcome"], event["text"]))  # type: ignore[arg-type]


def _succeeded(end: RunEnd) -> bool:
    if end.outcome != "succeeded":
        raise AirflowException(end.text)
    return True
