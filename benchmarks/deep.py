"""Deep networks: an epoch beside the plain loop of Keras, and answers beside bare ONNX Runtime behind uvicorn.

    make bench NAME=deep                                  (the extra deep, and some minutes)

scikit-learn's digits as pictures of 8 by 8. The plain loop is ``Model.fit`` with the same network and optimizer,
without augmentation on both sides; both take turns, and an epoch counts from the second one on, since the first one
compiles. The peer of the server decodes the same base64 with Pillow and runs the same graph. Requests are sent by
one connection, and answers are compared. Prints lines, and, last, one line of JSON.
"""

import argparse
import base64
import http.client
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from deep_peer import plain_epochs
from PIL import Image
from sklearn.datasets import load_digits

from headrace.core.contracts.contract import Column, Contract
from headrace.core.features import matrix_layout
from headrace.core.models import families, fitting
from headrace.core.models.networks import network_estimator

SHAPE = (8, 8, 1)
CONTRACT = Contract(
    name="digits",
    task="multiclass",
    columns=(
        Column("picture", "picture", height=8, width=8, channels=1, missing=0),
        Column("label", "string", role="target", categories=tuple(map(str, range(10)))),
    ),
)
VALUES = {"epochs": 8, "patience": 100, "batch_size": 64}


def own_epochs(matrix: Any, target: Any) -> list[float]:
    """The seconds of each epoch after the first."""
    ends: list[float] = []
    listen = network_estimator._listen  # noqa: SLF001 - the times are measured where the messages arrive

    def watch(message: Any, facts: Any) -> None:
        if "text" in message:
            ends.append(time.perf_counter())
        listen(message, facts)

    network_estimator._listen = watch  # noqa: SLF001 - as above
    columns = matrix_layout.columns(CONTRACT)
    pipeline = families.family("cnn").build(columns, task="multiclass", parameters=VALUES, seed=0)
    fitting.fit(pipeline, matrix, target)
    network_estimator._listen = listen  # noqa: SLF001 - as above
    return np.diff(ends).tolist()


def ask(port: int, path: str, body: bytes, count: int) -> tuple[list[float], Any]:
    """Milliseconds of each of some requests by one connection, and the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times, answer = [], b""
    for _ in range(count):
        start = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        times.append(1000 * (time.perf_counter() - start))
        if response.status != 200:
            raise SystemExit(answer.decode())
    connection.close()
    return times[count // 5 :], json.loads(answer)


def wait_for(port: int, process: Any) -> None:
    """Wait until a server takes connections."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v2/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("a server did not start.")


def requests(pixels: Any) -> dict[str, bytes]:
    """The bodies of one picture and of a batch of 32."""
    texts = []
    for picture in pixels[:32]:
        buffer = io.BytesIO()
        Image.fromarray(picture[..., 0]).save(buffer, "PNG")
        texts.append(base64.b64encode(buffer.getvalue()).decode())
    rows = [{"picture": text} for text in texts]
    return {"one": json.dumps({"instances": rows[:1]}).encode(), "32": json.dumps({"instances": rows}).encode()}


def serve(bundle: Path, graph: bytes, pixels: Any, count: int) -> dict[str, dict[str, float]]:
    """The median milliseconds of both servers, by body; the order alternates, so that both see the same load."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.onnx").write_bytes(graph)
        commands = {
            "headrace": [str(Path(sys.executable).with_name("headrace")), "serve", str(bundle), "--port", "8651"],
            "bare": [sys.executable, str(Path(__file__).with_name("deep_peer.py")), folder, "8652"],
        }
        ports = {"headrace": (8651, "/v1/models/digits:predict"), "bare": (8652, "/")}
        running = {name: subprocess.Popen(command, stdout=subprocess.DEVNULL) for name, command in commands.items()}
        found: dict[str, dict[str, list[float]]] = {}
        try:
            for name, process in running.items():
                wait_for(ports[name][0], process)
            for _ in range(4):
                for size, body in requests(pixels).items():
                    answers = {}
                    for name, (port, path) in ports.items():
                        times, answers[name] = ask(port, path, body, count)
                        found.setdefault(size, {}).setdefault(name, []).extend(times)
                    compare(answers)
        finally:
            for process in running.values():
                process.terminate()
                process.wait(30)
    return {size: {name: float(np.median(times)) for name, times in by.items()} for size, by in found.items()}


def compare(answers: dict[str, Any]) -> None:
    """Stop if both servers do not say the same."""
    own = [list(row["probabilities"].values()) for row in answers["headrace"]["predictions"]]
    if not np.allclose(own, answers["bare"]["probabilities"], atol=1e-5):
        raise SystemExit("both servers must give the same answers.")


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, help="bundle or run of the digits, made by headrace run")
    parser.add_argument("--requests", type=int, default=300)
    options = parser.parse_args()
    digits = load_digits()
    pixels = np.round(digits.images * 255 / 16).astype(np.uint8)[..., None]
    matrix, target = pixels.reshape(len(pixels), -1).astype(np.float64), digits.target.astype(np.int64)
    own: list[float] = []
    plain: list[float] = []
    for _ in range(3):
        own += own_epochs(matrix, target)
        plain += plain_epochs(matrix, target, VALUES)
    seconds = {"headrace": float(np.median(own)), "keras": float(np.median(plain))}
    print(f"an epoch of 1,797 pictures: {seconds['headrace']:.3f} s, the plain loop of Keras {seconds['keras']:.3f} s")
    folder = options.bundle / "bundle" if (options.bundle / "bundle").is_dir() else options.bundle
    served = serve(folder, (folder / "model.onnx").read_bytes(), pixels, options.requests)
    for size, by in served.items():
        ratio = by["headrace"] / by["bare"]
        print(f"{size}: median {by['headrace']:.2f} ms, bare ONNX Runtime {by['bare']:.2f} ms ({ratio:.2f} times)")
    print(json.dumps({"epoch_seconds": seconds, "median_ms": served}))


if __name__ == "__main__":
    main()
