"""DAGs of the tests, which a real Airflow reads; ``PLACE`` is the folder of a test run."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, task

from headrace_provider.asset_events import addresses
from headrace_provider.operators.commands import HeadraceCommandOperator, HeadraceRunOperator
from headrace_provider.operators.kubeflow import HeadraceKubeflowOperator
from headrace_provider.sensors.kubeflow import HeadraceKubeflowRunSensor

PLACE = Path(os.environ["HEADRACE_TEST_PLACE"])
TABLES = Asset("test_tables", uri="s3://test/tables")
AGAIN = {"retries": 1, "retry_delay": timedelta(seconds=1)}
LATER = Asset("test_later", uri="s3://test/later")

with DAG("waits", schedule=None):
    # Ends when the topic has an event; so a test decides when.
    arguments = ["tail", str(PLACE / "{{ dag_run.conf['topic'] }}"), "--from-beginning", "--rows", "1", "--json"]
    HeadraceCommandOperator(
        task_id="tail", arguments=arguments, results={"topic": "{{ dag_run.conf['topic'] }}"}, **AGAIN
    )

with DAG("fails", schedule=None):
    HeadraceRunOperator(task_id="run", table=str(PLACE / "no.csv"), target="x", output_path=str(PLACE / "fails"))

with DAG("nowhere", schedule=None):
    HeadraceCommandOperator(task_id="version", arguments=["--version"], headrace_conn_id="headrace_nowhere")

with DAG("paused", schedule=None):
    HeadraceCommandOperator(task_id="version", arguments=["--version"])

with DAG("events", schedule=[TABLES], max_active_runs=1):

    @task(inlets=[TABLES])
    def tables(**context: Any) -> list[list[str]]:
        """The command for each event."""
        found = addresses(context, TABLES)
        return [["catalog", "add", table, "--catalog", str(PLACE / "events.db")] for table in found]

    HeadraceCommandOperator.partial(task_id="add", max_active_tis_per_dag=1).expand(arguments=tables())

with DAG("later", schedule=[LATER]):
    HeadraceCommandOperator(task_id="version", arguments=["--version"])

PIPELINE = {"x": "0.5", "kind": "{{ dag_run.conf['kind'] }}", "result": str(PLACE / "result.json")}
for name, deferrable in (("kubeflow_here", False), ("kubeflow_deferred", True)):
    with DAG(name, schedule=None):
        HeadraceKubeflowOperator(
            task_id="tiny",
            pipeline=str(PLACE / "tiny.yaml"),
            pipeline_arguments=PIPELINE,
            deferrable=deferrable,
            poll_interval=1,
            start_timeout=10,
            **AGAIN,
        )

with DAG("kubeflow_watched", schedule=None):
    HeadraceKubeflowRunSensor(task_id="watch", run_id="{{ dag_run.conf['run'] }}", deferrable=True, poke_interval=1)
