"""Peers of ``deep.py``: the plain loop of Keras, and a bare server: ONNX Runtime behind uvicorn.

python deep_peer.py FOLDER PORT                       (the server; FOLDER holds model.onnx)
"""

import base64
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def plain_epochs(matrix: Any, target: Any, values: dict[str, Any]) -> list[float]:
    """The seconds of each epoch of ``Model.fit`` after the first, with the same network and optimizer."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    from headrace.core.models.networks.network_request import InputBlock, NetworkRequest
    from headrace.deep.networks import cnn

    facts = {"height": 8, "width": 8, "channels": 1, "augment": []}
    block = InputBlock("picture", "picture", 0, 64, 0, facts)
    request = NetworkRequest("cnn", (block,), 10, {**values, "filters": 32, "blocks": 1, "dropout": 0.2}, 0)
    model = cnn.build(request, matrix)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(3e-3, weight_decay=1e-4, global_clipnorm=1.0), loss)
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    rows = matrix.astype(np.float32)
    model.fit(
        rows,
        target,
        batch_size=values["batch_size"],
        epochs=values["epochs"],
        validation_split=0.1,
        verbose=0,
        callbacks=[watch],
    )
    return np.diff(ends).tolist()


def serve(folder: str, port: int) -> None:
    """Serve the graph: base64 of PNG in, probabilities out."""
    import onnxruntime
    import uvicorn
    from PIL import Image

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(Path(folder) / "model.onnx", options, providers=["CPUExecutionProvider"])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        answer = b"{}"
        if body:
            rows = [
                np.asarray(Image.open(io.BytesIO(base64.b64decode(row["picture"]))).convert("L")).ravel()
                for row in json.loads(body)["instances"]
            ]
            probabilities = session.run(["Y"], {"X": np.array(rows, dtype=np.float64)})[0]
            answer = json.dumps({"probabilities": probabilities.tolist()}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.run(application, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off")


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
