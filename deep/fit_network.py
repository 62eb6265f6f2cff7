"""One fit: from the folder of a request to its graph of ONNX."""

from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

from headrace.core.base.errors import DataError, InternalError
from headrace.core.base.files import whole
from headrace.core.graphs.load_graph import load_graph
from headrace.core.models.networks import network_request
from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.checkpoint import CheckpointFile
from headrace.deep.held_out import divide, divide_in_time
from headrace.deep.network import Singles
from headrace.deep.networks.list_networks import NETWORKS
from headrace.deep.onnx_graph import TargetScale, convert
from headrace.deep.training_loop import FitRows, Say, TrainingLoop

_PROBES = 256
_TOLERANCE = {"float32": 1e-3, "mixed_bfloat16": 0.05}


def fit_network(folder: Path, say: Say) -> None:
    """Fit a network, and write its graph.

    Args:
        folder: Folder of the request; ``model.onnx`` is in it afterwards.
        say: Called with messages: ``text`` of the progress, a ``warning``, ``facts`` of the fit.

    Raises:
        DataError: If the network cannot be fitted on these rows.
        InternalError: If the graph does not give what the network gives.
    """
    request = NetworkRequest.read(folder)
    matrix = np.load(folder / network_request.MATRIX, allow_pickle=False)
    target = np.load(folder / network_request.TARGET, allow_pickle=False)
    _choose_precision()
    # Names of layers are counted from the start of the process, and the seed is one of the process.
    keras.backend.clear_session()
    keras.utils.set_random_seed(request.seed)
    network = NETWORKS[request.network]
    if network.in_time is not None and network.in_time(request):
        fitted, held_out = divide_in_time(len(target))
    else:
        fitted, held_out = divide(target, classify=bool(request.classes), seed=request.seed)
    scale = TargetScale() if request.classes else TargetScale.of(target[fitted])
    target = target if request.classes else ((target - scale.mean) / scale.deviation).astype(np.float32)
    model = network.build(request, matrix[fitted])
    loop = TrainingLoop(model, network, request, FitRows(matrix, target, fitted, held_out))
    facts = loop.run(CheckpointFile(Path(request.checkpoint)), say)
    content = convert(model, columns=matrix.shape[1], classes=request.classes, scale=scale)
    _compare(content, model, matrix[:_PROBES], request, scale)
    with whole(folder / network_request.GRAPH) as part:
        part.write_bytes(content)
    say({"facts": facts | {"parameters": int(model.count_params()), "device": jax.default_backend()}})


def _choose_precision() -> None:
    """Compute in bfloat16 on a graphics card; the weights are float32 everywhere."""
    keras.config.set_dtype_policy("mixed_bfloat16" if jax.default_backend() == "gpu" else "float32")


def _compare(content: bytes, model: Any, rows: Singles, request: NetworkRequest, scale: TargetScale) -> None:
    """Raise if the graph does not give what the network gives, on some of the rows."""
    scores = np.asarray(model(rows, training=False), dtype=np.float64)
    if not np.isfinite(scores).all():
        raise DataError("the scores of a network must stay finite; they do not: choose a lower learning_rate.")
    expected = _softmax(scores) if request.classes else scores[:, 0]
    run = load_graph(content, columns=rows.shape[1], classes=request.classes)
    actual = run(["Y"], {"X": rows.astype(np.float64)})[0]
    if not request.classes:
        actual = (actual - scale.mean) / scale.deviation
    difference = float(np.abs(actual - expected).max())
    if not difference <= _TOLERANCE[keras.config.dtype_policy().name]:
        raise InternalError(
            f"the graph of {request.network} must give what the network gives; it is off by {difference}."
        )


def _softmax(scores: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
