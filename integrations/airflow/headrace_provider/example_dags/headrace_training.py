"""Training on an asset event: each table that has come is trained on once, also where Airflow merges events."""

import os
from typing import Any

from airflow.sdk import DAG, Asset, task

from headrace_provider.asset_events import addresses
from headrace_provider.operators.commands import HeadraceRunOperator

LAKE = os.environ.get("HEADRACE_EXAMPLE_LAKE", "s3://lake/trips")
HOME = os.environ.get("HEADRACE_EXAMPLE_HOME", "/var/lib/headrace")
TABLES = Asset("headrace_example_tables", uri=f"{LAKE}/tables")
MODELS = Asset("headrace_example_models", uri=f"{LAKE}/models")
# A run's id is long, and has colons, which have no place in PATH.
RUN = "{{ dag_run.run_after.strftime('%Y%m%dT%H%M%S%f') }}"

with DAG(
    "headrace_training",
    description="A model of each table that has come.",
    schedule=[TABLES],
    catchup=False,
    max_active_runs=1,
    tags=["headrace"],
):

    @task(inlets=[TABLES])
    def tables(**context: Any) -> list[str]:
        """The addresses of the tables: one for each event."""
        return addresses(context, TABLES)

    HeadraceRunOperator.partial(
        task_id="train",
        target=os.environ.get("HEADRACE_EXAMPLE_TARGET", "tip"),
        output_path=f"{HOME}/runs/{RUN}/{{{{ ti.map_index }}}}",
        options={"budget": "4"},
        outlets=[MODELS],
        retries=1,
        max_active_tis_per_dag=1,
    ).expand(table=tables())
