"""Deployment after approval: a person reads the report and approves; the registry and KServe follow."""

import os
from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param

from headrace_provider.operators.commands import HeadraceApproveOperator, HeadraceDeployOperator

MODEL = os.environ.get("HEADRACE_EXAMPLE_MODEL", "tips@production").partition("@")[0]
NAMESPACE = os.environ.get("HEADRACE_EXAMPLE_NAMESPACE", "models")

with DAG(
    "headrace_deployment",
    description="A version is served once a person has approved of it.",
    schedule=None,
    params={
        "version": Param("latest", type="string", pattern=r"^[\w.-]+$", description="Version of the model."),
        "report": Param("", type="string", description="Address of the report of its run."),
    },
    tags=["headrace"],
):
    approval = ApprovalOperator(
        task_id="approval",
        subject=f"Shall {MODEL} {{{{ params.version }}}} be served?",
        body="Report: {{ params.report }}",
        params={"reason": Param(None, type=["null", "string"], description="Why, for the model's history.")},
        response_timeout=timedelta(days=7),
    )
    approve = HeadraceApproveOperator(
        task_id="approve",
        model=MODEL,
        version="{{ params.version }}",
        reason="{{ ti.xcom_pull(task_ids='approval')['params_input']['reason'] or '' }}",
        by="{{ ti.xcom_pull(task_ids='approval')['responded_by_user']['name'] }}",
    )
    deploy = HeadraceDeployOperator(
        task_id="deploy", model=f"{MODEL}@{{{{ params.version }}}}", endpoint=MODEL, namespace=NAMESPACE
    )
    approval >> approve >> deploy
