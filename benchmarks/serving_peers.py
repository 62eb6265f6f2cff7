"""The servers that are compared: how each is installed, started and asked."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).with_name("peers")
Rows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Model:
    """A model in all its forms.

    Attributes:
        bundle: Headrace's bundle.
        joblib: The fitted pipeline, pickled.
        folder: A folder for other forms.
    """

    bundle: Path
    joblib: Path
    folder: Path


@dataclass(frozen=True)
class Server:
    """A server to be measured.

    Attributes:
        name: What it is called in the tables.
        command: How it is started, from the model, the port and the folder of its environment.
        ready: Path that answers 200 when it is ready.
        path: Path that takes predictions.
        body: A request, as JSON, from rows.
        probabilities: Probabilities of the second class, from the answer.
        environment: Name of its virtual environment; empty for this one.
        variables: Environment variables, from the model.
    """

    name: str
    command: Callable[[Model, int, Path], list[str]]
    ready: str
    path: str
    body: Callable[[Rows], Any]
    probabilities: Callable[[Any], list[float]]
    environment: str = ""
    variables: Callable[[Model], Mapping[str, str]] = field(default=lambda _: {})


def _headrace(*more: str) -> Callable[[Model, int, Path], list[str]]:
    def command(model: Model, port: int, _: Path) -> list[str]:
        given = ["--model", str(model.bundle), "--name", "bench", "--port", str(port), "--grpc-port", str(port + 1)]
        return [sys.executable, "-m", "headrace.serving.server", *given, *more]

    return command


def _script(name: str, form: Callable[[Model], Path]) -> Callable[[Model, int, Path], list[str]]:
    return lambda model, port, _: [sys.executable, str(HERE / name), str(form(model)), str(port)]


def _mlserver(model: Model, port: int, environment: Path) -> list[str]:
    folder = model.folder / "mlserver"
    folder.mkdir(exist_ok=True)
    settings = {
        "http_port": port,
        "grpc_port": port + 1,
        "metrics_port": port + 2,
        "debug": False,
        "parallel_workers": 0,
    }
    (folder / "settings.json").write_text(json.dumps(settings | {"host": "127.0.0.1"}))
    told = {
        "name": "bench",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(model.joblib), "version": "v1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(told))
    return [str(environment / "bin" / "mlserver"), "start", str(folder)]


def _mlflow(model: Model, port: int, environment: Path) -> list[str]:
    folder = model.folder / "mlflow"
    if not folder.exists():
        save = [str(environment / "bin" / "python"), str(HERE / "save_mlflow.py"), str(model.joblib), str(folder)]
        subprocess.run(save, check=True, capture_output=True)
    serve = [str(environment / "bin" / "mlflow"), "models", "serve", "-m", str(folder), "--env-manager", "local"]
    return [*serve, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


def _bento(_: Model, port: int, environment: Path) -> list[str]:
    serve = [str(environment / "bin" / "bentoml"), "serve", "bento_service:Bench", "--working-dir", str(HERE)]
    return [*serve, "--host", "127.0.0.1", "--port", str(port)]


def _tensor(rows: Rows) -> Any:
    flat = [value for row in rows for value in row]
    tensor = {"name": "rows", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
    return {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}


_V1 = "/v1/models/bench:predict"


def _second(answer: Any) -> list[float]:
    return [row[1] for row in answer["predictions"]]


SERVERS = (
    Server(
        "headrace", _headrace(), "/v2/health/ready", _V1, lambda rows: {"instances": rows},
        lambda answer: [row["probabilities"]["yes"] for row in answer["predictions"]],
    ),
    Server(
        "headrace, 2 workers", _headrace("--workers", "2"), "/v2/health/ready", _V1, lambda rows: {"instances": rows},
        lambda answer: [row["probabilities"]["yes"] for row in answer["predictions"]],
    ),
    Server(
        "floor", _script("floor_server.py", lambda model: model.bundle), "/", "/", lambda rows: {"instances": rows},
        _second,
    ),
    Server(
        "sklearnserver", _script("kserve_server.py", lambda model: model.joblib), "/v2/health/ready", _V1,
        lambda rows: {"instances": rows}, _second,
    ),
    Server(
        "MLServer", _mlserver, "/v2/models/bench/ready", "/v2/models/bench/infer", _tensor,
        lambda answer: answer["outputs"][0]["data"][1::2], "mlserver",
    ),
    Server(
        "MLflow", _mlflow, "/ping", "/invocations", lambda rows: {"inputs": rows},
        _second, "mlflow", lambda _: {"MLFLOW_DISABLE_TELEMETRY": "true"},
    ),
    Server(
        "BentoML", _bento, "/readyz", "/predict", lambda rows: {"rows": rows},
        lambda answer: [row[1] for row in answer], "bentoml",
        lambda model: {"MODEL_FILE": str(model.joblib), "BENTOML_DO_NOT_TRACK": "True"},
    ),
)  # fmt: skip


def installed(name: str, folder: Path) -> Path:
    """The virtual environment of a peer, made on first use from its lock.

    Args:
        name: Its name.
        folder: Where environments are kept.

    Raises:
        subprocess.CalledProcessError: If it cannot be installed.
    """
    environment, lock = folder / name, HERE / f"{name}.lock"
    stamp = environment / "lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        print(f"  installing {name} (minutes, once)...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", str(lock)], check=True, env=dict(os.environ))
        stamp.write_bytes(lock.read_bytes())
    return environment
