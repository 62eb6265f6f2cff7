"""Monitoring hourly, and retraining where that is decided; a new version then waits for a person's approval."""

import os
from datetime import UTC, datetime

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from headrace_provider.operators.commands import HeadraceMonitorOperator, HeadraceRetrainOperator

MODEL = os.environ.get("HEADRACE_EXAMPLE_MODEL", "tips@production")
STORE = os.environ.get("HEADRACE_EXAMPLE_STORE", "s3://monitoring/models")
HOME = os.environ.get("HEADRACE_EXAMPLE_HOME", "/var/lib/headrace")
# A run's id is long, and has colons, which have no place in PATH.
RUN = "{{ dag_run.run_after.strftime('%Y%m%dT%H%M%S%f') }}"

with DAG(
    "headrace_monitoring",
    description="A report of each window, and a new version where that is decided.",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["headrace"],
):
    monitor = HeadraceMonitorOperator(
        task_id="monitor", model=MODEL, store=STORE, page=f"{HOME}/monitor.html", continue_on={"retrain"}, retries=1
    )
    retrain = HeadraceRetrainOperator(
        task_id="retrain", model=MODEL, store=STORE, output_path=f"{HOME}/retraining/{RUN}", rollout=False
    )
    # A paused DAG takes runs and never begins with them: that is an error here.
    ask_for_approval = TriggerDagRunOperator(
        task_id="ask_for_approval",
        trigger_dag_id="headrace_deployment",
        conf={"report": "{{ ti.xcom_pull(task_ids='retrain')['report'] }}", "version": "latest"},
        fail_when_dag_is_paused=True,
    )
    monitor >> retrain >> ask_for_approval
