"""What Airflow reads of this provider, without importing anything else of it."""

from typing import Any

_TEXT = {"type": ["string", "null"]}


def _field(label: str, description: str, **schema: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {**_TEXT, **schema}}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, in the form of Airflow's ``provider_info.schema.json``."""
    name = "Headrace"
    return {
        "package-name": "airflow-provider-headrace",
        "name": name,
        "description": "Headrace's pipelines, here and on Kubeflow, its monitors, retraining and deployment.",
        "integrations": [{"integration-name": name, "tags": ["software"]}],
        "hooks": [{"integration-name": name, "python-modules": ["headrace_provider.hooks.headrace"]}],
        "operators": [
            {
                "integration-name": name,
                "python-modules": ["headrace_provider.operators.commands", "headrace_provider.operators.kubeflow"],
            }
        ],
        "sensors": [{"integration-name": name, "python-modules": ["headrace_provider.sensors.kubeflow"]}],
        "triggers": [{"integration-name": name, "python-modules": ["headrace_provider.triggers.kubeflow"]}],
        "connection-types": [
            {
                "connection-type": "headrace",
                "hook-name": name,
                "hook-class-name": "headrace_provider.hooks.headrace.HeadraceHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "port", "schema", "login"],
                    "relabeling": {"password": "Token of Kubeflow Pipelines"},
                    "placeholders": {"password": "empty without a login"},
                },
                "conn-fields": {
                    "program": _field("Program", "Path of headrace, or of the Python of the environment that has it."),
                    "kfp_endpoint": _field(
                        "Kubeflow Pipelines", "URL of its API, such as http://ml-pipeline.kubeflow:8888."
                    ),
                    "kfp_namespace": _field("Kubeflow namespace", "Profile of the runs; empty with one user."),
                    "kfp_ca_file": _field("Kubeflow CA", "File of the authority of its certificate, on the worker."),
                    "s3_endpoint": _field(
                        "S3 endpoint", "URL of the object store, such as http://minio.kubeflow:9000."
                    ),
                    "s3_access_key": _field("S3 access key", "Access key of the object store."),
                    "s3_secret_key": _field("S3 secret key", "Secret key of the object store.", format="password"),
                    "s3_region": _field("S3 region", "Region of the object store."),
                    "s3_bucket": _field("S3 bucket", "Bucket of models."),
                    "registry": _field("Model registry", "A file, or the address of an MLflow server."),
                    "state_folder": _field(
                        "Folder of runs",
                        "Where logs of local runs are kept on the worker; default AIRFLOW_HOME/headrace.",
                    ),
                    "variables": _field(
                        "More variables", "Other variables HEADRACE_* as a JSON object of texts.", format="json"
                    ),
                },
            }
        ],
    }
