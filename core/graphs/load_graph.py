"""Loading of a graph of ONNX that takes a model matrix, after its safety check."""

from collections.abc import Callable
from typing import Any

import numpy as np

from headrace.core.base import settings
from headrace.core.base.errors import BundleError
from headrace.core.graphs import onnx_safety

FILE = "model.onnx"


def load_graph(content: bytes, *, columns: int, classes: int, threads: int = 1) -> Callable[..., Any]:
    """Load a graph of ONNX that takes a model matrix, after its safety check.

    Args:
        content: Bytes of the model.
        columns: Number of columns of ``X``.
        classes: Number of columns of ``Y``; 0 for values (n,).
        threads: Threads of one call; concurrent calls have their own.

    Returns:
        Method ``run`` of ONNX Runtime's session.

    Raises:
        BundleError: If it cannot be loaded, holds an operator that is not reviewed, or has other inputs or outputs.
    """
    onnx_safety.check(content, FILE)
    settings.without_telemetry()
    import onnxruntime  # noqa: PLC0415 - training does not need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # A spinning thread pool burns a core between requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception for each of its statuses
        raise BundleError(f"{FILE} must be one that Headrace wrote; ONNX Runtime cannot load it.") from error
    _check(session, columns, classes)
    # Some faults of a model, such as a split on a column that it lacks, show only when it runs.
    try:
        session.run(["Y"], {"X": np.zeros((1, columns))})
    except Exception as error:  # as above
        raise BundleError(f"{FILE} must be one that Headrace wrote; ONNX Runtime cannot run it.") from error
    run: Callable[..., Any] = session.run
    return run


def _check(session: Any, columns: int, classes: int) -> None:
    expected = (
        [("X", "tensor(double)", [None, columns])],
        [("Y", "tensor(double)", [None, classes] if classes else [None])],
    )
    actual = ([_signature(one) for one in session.get_inputs()], [_signature(one) for one in session.get_outputs()])
    if actual != expected:
        raise BundleError(
            f"{FILE} must take X (n, {columns}) and give Y (n{f', {classes}' if classes else ''}) of float64, as its "
            "contract says; it does not: package the model again."
        )


def _signature(value: Any) -> tuple[str, str, list[int | None]]:
    """Return name, type and shape; None for the number of rows."""
    return value.name, value.type, [size if isinstance(size, int) else None for size in value.shape]
