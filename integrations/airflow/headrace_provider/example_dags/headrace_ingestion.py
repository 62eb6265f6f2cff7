"""Ingestion on a schedule: each day the new table is looked at, and an event tells the training of it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, Metadata, task

from headrace_provider.operators.commands import HeadraceCommandOperator

LAKE = os.environ.get("HEADRACE_EXAMPLE_LAKE", "s3://lake/trips")
HOME = os.environ.get("HEADRACE_EXAMPLE_HOME", "/var/lib/headrace")
TABLES = Asset("headrace_example_tables", uri=f"{LAKE}/tables")

with DAG(
    "headrace_ingestion",
    description="The table of each day: its contract, and its place in the catalogue.",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["headrace"],
):
    # The day comes from the run, so that a backfill takes the table of each day.
    table = f"{LAKE}/{{{{ (logical_date or dag_run.run_after) | ds }}}}.csv"
    add = HeadraceCommandOperator(
        task_id="add",
        arguments=["catalog", "add", table, "--catalog", f"{HOME}/catalog.db"],
        results={"address": table},
        retries=2,
    )

    @task(outlets=[TABLES])
    def announce(added: Any) -> Iterator[Metadata]:
        """Emit an event that bears the address of the table."""
        yield Metadata(TABLES, {"address": added["address"]})

    announce(add.output)
