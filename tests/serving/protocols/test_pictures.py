"""Pictures in requests: base64 in V1 and V2, and tensors of pixels, all the same row of the model matrix."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.inference.scorer import Scorer
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols import v2
from headrace.serving.protocols.codecs import BINARY_HEADER, V1, V2
from headrace.serving.protocols.openapi import openapi

LIMITS = RequestLimits(rows=20, nesting=8)
SHAPE = (4, 6, 3)
CONTRACT = Contract(
    name="t",
    task="binary",
    columns=(
        Column("picture", "picture", height=4, width=6, channels=3, missing=0),
        Column("y", "string", role="target", categories=("no", "yes")),
    ),
)


class Means:
    """An engine whose second probability is the mean brightness: it is the codecs that are tested."""

    name = "onnx"

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities (n, 2)."""
        share = matrix.mean(axis=1) / 255
        return np.stack([1 - share, share], axis=1)


SERVED = ServedModel(Scorer(CONTRACT, Means(), 0.5, "t", "ab" * 32, "cnn"), folder=Path())
PIXELS = np.random.default_rng(0).integers(0, 256, (2, *SHAPE), dtype=np.uint8)


def base64_of(pixels: Any, kind: str = "PNG") -> str:
    """A file of a picture, as a client sends it."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def matrix(speech: Any, document: Any, rest: bytes = b"") -> Any:
    """The model matrix of a request."""
    body = json.dumps(document).encode()
    headers = ((BINARY_HEADER, str(len(body)).encode()),) if rest else ()
    return SERVED.predict_validated(speech.read(body + rest, headers, SERVED, LIMITS)[1]).matrix


def tensor(datatype: str, data: Any, shape: list[int], **more: Any) -> dict[str, Any]:
    """A request of V2 with one tensor."""
    held = {} if data is None else {"data": data}
    return {"inputs": [{"name": "picture", "datatype": datatype, "shape": shape, **held, **more}]}


def test_each_way_in_gives_the_same_row() -> None:
    """Files of V1 by name and by place, texts of V2, and tensors in JSON and in bytes."""
    texts = [base64_of(picture) for picture in PIXELS]
    expected = PIXELS.reshape(2, -1).astype(np.float64)
    nested = PIXELS.tolist()
    size = {"binary_data_size": PIXELS.size * 4}
    floats = tensor("FP32", None, [2, *SHAPE], parameters=size)
    found = [
        matrix(V1, {"instances": [{"picture": text} for text in texts]}),
        matrix(V1, {"instances": [[text] for text in texts]}),
        matrix(V2, tensor("BYTES", texts, [2])),
        matrix(V2, tensor("UINT8", nested, [2, *SHAPE])),
        matrix(V2, tensor("UINT8", PIXELS.ravel().tolist(), [2, *SHAPE])),
        matrix(V2, tensor("FP32", PIXELS.astype(float).tolist(), [2, *SHAPE])),
        matrix(V2, floats, PIXELS.astype("<f4").tobytes()),
    ]
    for rows in found:
        assert np.array_equal(rows, expected)


def test_tensor_of_another_size_is_resized_as_a_file_is() -> None:
    """The rule of the contract holds for every way in."""
    large = np.random.default_rng(1).integers(0, 256, (1, 9, 7, 3), dtype=np.uint8)
    by_file = matrix(V1, {"instances": [{"picture": base64_of(large[0])}]})
    assert np.array_equal(matrix(V2, tensor("UINT8", large.tolist(), list(large.shape))), by_file)


def test_fast_and_full_path_give_the_same_row() -> None:
    """A JPEG of another size is decoded once by the fast path, and through a PNG by the full one."""
    text = base64_of(np.random.default_rng(2).integers(0, 256, (30, 20, 3), dtype=np.uint8), "JPEG")
    fast = SERVED.encoder.try_rows([{"picture": text}])
    assert fast is not None
    assert np.array_equal(fast.matrix, SERVED.encoder._judged_rows([{"picture": text}]).matrix)


@pytest.mark.parametrize(
    "document",
    [
        {"instances": [{"picture": "iVBORw0KGgo"}]},
        {"instances": [{"picture": "a cat"}]},
        {"instances": [{"picture": 5}]},
        {"instances": [{"picture": [[1, 2], [3, 4]]}]},
    ],
)
def test_what_is_no_picture_is_refused(document: Any) -> None:
    """In one sentence, which names the column."""
    with pytest.raises(RequestError, match="picture"):
        matrix(V1, document)


@pytest.mark.parametrize(
    ("datatype", "values", "shape"),
    [
        ("FP32", [-1.0] * 72, [1, *SHAPE]),
        ("FP32", [256.0] * 72, [1, *SHAPE]),
        ("INT64", [300] * 72, [1, *SHAPE]),
        ("UINT8", [1] * 48, [1, 4, 6, 2]),
        ("BYTES", ["a"] * 72, [1, *SHAPE]),
        ("UINT8", [1] * 72, [1, 72]),
    ],
)
def test_tensors_that_hold_no_pixels_are_refused(datatype: str, values: Any, shape: list[int]) -> None:
    """Numbers outside 0 to 255, other channels, texts, and other shapes."""
    with pytest.raises(RequestError):
        matrix(V2, tensor(datatype, values, shape))


def test_metadata_and_openapi_say_how_a_picture_is_sent() -> None:
    """As a text; a tensor of pixels may be sent too."""
    assert v2.describe_tensors(SERVED)[0] == [{"name": "picture", "datatype": "BYTES", "shape": [-1]}]
    document = openapi(SERVED, LIMITS, repository=False)
    assert "PNG or JPEG" in json.dumps(document)
