"""Training on Kubeflow, followed by the triggerer: no worker waits for it."""

import os

from airflow.sdk import DAG, Param

from headrace_provider.operators.kubeflow import HeadraceKubeflowOperator

with DAG(
    "headrace_kubeflow",
    description="The training pipeline on Kubeflow.",
    schedule=None,
    params={"table": Param("s3://lake/trips.csv", type="string"), "target": Param("tip", type="string")},
    tags=["headrace"],
):
    HeadraceKubeflowOperator(
        task_id="train",
        pipeline=os.environ.get("HEADRACE_EXAMPLE_PIPELINE", "training"),
        pipeline_arguments={"source": "{{ params.table }}", "target": "{{ params.target }}"},
        deferrable=True,
        retries=2,
    )
