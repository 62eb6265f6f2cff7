"""Files that other servers look for in a model's folder: MLflow's ``MLmodel``, MLServer's ``model-settings.json``.

Both name a class of Headrace that reads the bundle as Headrace's own server does: no file of the bundle is code.
"""

import platform
from typing import Any

import yaml

MLFLOW = "MLmodel"
MLSERVER = "model-settings.json"
LOADER = "headrace.serving.mlflow_loader"
RUNTIME = "headrace.serving.mlserver_runtime.HeadraceRuntime"
DRIFT_RUNTIME = "headrace.serving.mlserver_runtime.DriftRuntime"
OUTLIER_RUNTIME = "headrace.serving.mlserver_runtime.OutlierRuntime"
EXPLAINER_RUNTIME = "headrace.serving.mlserver_runtime.ExplainerRuntime"
# Version of the file's format, which MLflow reads; the model was not made with MLflow.
_MLFLOW_VERSION = "3.17.2"


def mlmodel() -> str:
    """Return the text of ``MLmodel``: the flavor ``python_function``, without a time or an identifier."""
    flavor = {"loader_module": LOADER, "python_version": platform.python_version()}
    return yaml.safe_dump({"flavors": {"python_function": flavor}, "mlflow_version": _MLFLOW_VERSION})


def model_settings(name: str) -> dict[str, Any]:
    """Return the content of ``model-settings.json``; MLServer takes its folder for the model's.

    Args:
        name: Name of the model.
    """
    return {"name": name, "implementation": RUNTIME, "platform": "headrace"}
