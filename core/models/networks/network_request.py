"""What the process that fits networks is asked for: a folder with a document and two arrays."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.features.matrix_layout import MatrixColumn

DOCUMENT, MATRIX, TARGET, GRAPH = "request.json", "matrix.npy", "target.npy", "model.onnx"


@dataclass(frozen=True)
class InputBlock:
    """Neighbouring columns of the model matrix that a network takes as one input.

    Attributes:
        name: Name of the table's column.
        kind: ``number``, ``category`` or the dtype of a column that fills several columns, such as ``picture``.
        start: Place of its first column in the matrix.
        columns: Number of its columns.
        categories: Number of categories; 0 for numbers.
        facts: What the contract says of such a column: ``height``, ``width``, ``channels``, ``augment`` of pictures.
    """

    name: str
    kind: str
    start: int
    columns: int
    categories: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class NetworkRequest:
    """One fit.

    Attributes:
        network: Name of the network in ``headrace.deep.networks``.
        inputs: Blocks of the matrix, in order.
        classes: Number of classes; 0 for a regression.
        values: Hyperparameters.
        seed: Seed of everything random in the fit.
        checkpoint: Folder of this fit's checkpoint.
    """

    network: str
    inputs: tuple[InputBlock, ...]
    classes: int
    values: dict[str, Any]
    seed: int
    checkpoint: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what ``write`` wrote."""
        document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
        blocks = tuple(InputBlock(**block) for block in document.pop("inputs"))
        return cls(inputs=blocks, **document)

    def write(self, folder: Path) -> None:
        """Write the document; the arrays are written by whoever has them."""
        (folder / DOCUMENT).write_text(json.dumps(asdict(self), sort_keys=True), encoding="utf-8")

    def digest(self, arrays: Sequence[NDArray[Any]], versions: Mapping[str, str]) -> str:
        """Compute the SHA-256 of the fit: request, rows, and versions of the libraries.

        Args:
            arrays: Matrix (n, p) and target (n,).
            versions: Versions by the name of the library.
        """
        own = {key: value for key, value in asdict(self).items() if key != "checkpoint"}
        state = hashlib.sha256(json.dumps([own, dict(versions)], sort_keys=True).encode())
        for array in arrays:
            state.update(repr((array.shape, str(array.dtype))).encode())
            state.update(np.ascontiguousarray(array).data)
        return state.hexdigest()


def input_blocks(columns: Sequence[MatrixColumn]) -> tuple[InputBlock, ...]:
    """Return the blocks of a matrix.

    Args:
        columns: Columns of the matrix, from ``matrix_layout.columns``.
    """
    blocks: list[InputBlock] = []
    for place, column in enumerate(columns):
        source = column.part_of
        if source is not None and blocks and blocks[-1].name == source.name:
            blocks[-1] = InputBlock(**{**asdict(blocks[-1]), "columns": blocks[-1].columns + 1})
        elif source is not None:
            facts = {"height": source.height, "width": source.width, "channels": source.channels}
            blocks.append(InputBlock(source.name, source.dtype, place, 1, 0, facts | {"augment": list(source.augment)}))
        else:
            kind = "number" if column.categories is None else "category"
            blocks.append(InputBlock(column.name, kind, place, 1, len(column.categories or ()), {}))
    return tuple(blocks)
