"""Models of the real MLflow for tests: saved in an environment with XGBoost and skl2onnx, with their own answers."""

import os
import subprocess
import tempfile
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.real import peers
from tests.real_parts import missing

_SECONDS = 300


def environment() -> Path:
    """The virtual environment with MLflow, XGBoost and skl2onnx, installed from its lock on first use."""
    return peers.environment("mlflow_models")


def save_models(folder: Path) -> Path:
    """Save the models of ``tests/model_import/log_models.py`` in a new folder."""
    script = REPOSITORY / "tests" / "model_import" / "log_models.py"
    run(str(script), str(folder))
    return folder


def run(*arguments: str, **variables: str) -> str:
    """Run a script in that environment, and return what it printed."""
    command = [str(environment() / "bin" / "python"), *arguments]
    own = {"MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1", **variables}
    settings = {"env": {**os.environ, **own}, "capture_output": True, "text": True, "timeout": _SECONDS}
    try:
        with tempfile.TemporaryDirectory() as elsewhere:  # MLflow leaves mlflow.db in the folder in which it runs
            done = subprocess.run(command, cwd=elsewhere, check=False, **settings)  # type: ignore[call-overload]
    except (subprocess.SubprocessError, OSError) as error:
        missing(f"no models of MLflow: {command[0]} cannot run ({error})")
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
