"""The engine that computes a model's scores: ONNX Runtime where an exact ONNX form exists.

Otherwise it is scikit-learn, or for a model of H2O a Java process that scores its MOJO.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import BundleError, InputError, MissingError, quote
from headrace.core.base.files import read_json
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.graphs.load_graph import FILE, load_graph
from headrace.core.mojo.mojo_description import DESCRIPTION, MODEL

__all__ = ["FILE", "FORMAT", "MOJO", "RECORD", "Engine", "OnnxEngine", "SklearnEngine", "load", "load_graph"]

FORMAT = 1
RECORD = "engine.json"
MOJO = "mojo"
"""Name of the engine of a MOJO."""
_MOST_BYTES = 1 << 30
Floats = NDArray[np.float64]


class Engine(Protocol):
    """Scores rows; may be called by several threads at once.

    Attributes:
        name: ``onnx``, ``sklearn`` or ``mojo``.
    """

    name: str

    def __call__(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix.

        Args:
            matrix: Model matrix (n, p), n at least 1, in C order.

        Returns:
            Class probabilities (n, k) in the order of ``matrix_layout.classes``, or values (n,) of a regression.
        """


class OnnxEngine:
    """ONNX Runtime on the CPU."""

    name = "onnx"

    def __init__(self, content: bytes, contract: Contract, *, threads: int = 1) -> None:
        """Load a model.

        Args:
            content: Bytes of ``model.onnx``.
            contract: The contract that the model must match.
            threads: Threads of one call; concurrent calls have their own.

        Raises:
            BundleError: If it cannot be loaded, holds what Headrace does not write, or has inputs or outputs of
                another shape than the contract says.
        """
        columns, classes = len(matrix_layout.columns(contract)), len(matrix_layout.classes(contract))
        self._run = load_graph(content, columns=columns, classes=classes, threads=threads)

    def __call__(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix; see ``Engine``."""
        scores: Floats = self._run(["Y"], {"X": matrix})[0]
        return scores


class SklearnEngine:
    """The fitted pipeline itself, for models without an exact ONNX form."""

    name = "sklearn"

    def __init__(self, content: bytes, contract: Contract) -> None:
        """Load a model.

        Args:
            content: Bytes of ``model.skops``.
            contract: The contract of the model.

        Raises:
            BundleError: If the file is damaged or not to be trusted.
        """
        from headrace.core.models import skops_file  # noqa: PLC0415 - scikit-learn takes seconds to import

        self._pipeline = skops_file.loads(content)
        self._classes = len(matrix_layout.classes(contract))

    def __call__(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix; see ``Engine``."""
        from headrace.core.models import fitted_model  # noqa: PLC0415 - as above

        if self._classes:
            return fitted_model.predicted_probabilities(self._pipeline, matrix, self._classes)
        return fitted_model.predicted_values(self._pipeline, matrix)


def _load_mojo(folder: Path, contract: Contract, threads: int) -> Engine:
    """Start a Java process beside this one, which scores the MOJO of a model of H2O."""
    from headrace.core.mojo.mojo_checks import check_mojo  # noqa: PLC0415 - most models have none
    from headrace.core.mojo.mojo_engine import MojoEngine  # noqa: PLC0415 - as above

    mojo = _content(folder / MODEL)
    return MojoEngine(mojo, check_mojo(mojo, _content(folder / DESCRIPTION), contract), threads=threads)


def load(folder: Path, contract: Contract, *, threads: int = 1) -> Engine:
    """Load the engine of a bundle.

    Args:
        folder: Folder of a verified bundle.
        contract: Its contract.
        threads: Threads for one call.

    Raises:
        BundleError: If ``engine.json`` names an unknown engine, or the model cannot be loaded.
        MissingError: If the model is of H2O, and there is no Java, or not the suite's Java library.
    """
    name = _name(folder / RECORD)
    if name == OnnxEngine.name:
        return OnnxEngine(_content(folder / FILE), contract, threads=threads)
    if name == SklearnEngine.name:
        return SklearnEngine(_content(folder / "model.skops"), contract)
    if name == MOJO:
        return _load_mojo(folder, contract, threads)
    raise BundleError(f"engine in {folder / RECORD} must be onnx, sklearn or mojo; got {quote(name)} instead.")


def _name(path: Path) -> object:
    try:
        record = read_json(path)
    except (InputError, MissingError) as error:
        raise BundleError(f"a bundle must hold {path.name}, as one that is packaged again does; {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        version = record.get("format") if isinstance(record, dict) else record
        raise BundleError(f"{path} must be of format {FORMAT}; got {quote(version)} instead: use a matching Headrace.")
    return record.get("engine")


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise BundleError(f"{path} must have at most {_MOST_BYTES} bytes; it has {size}.")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"the bundle must hold {path.name}; {path} cannot be read: package the model again."
        ) from error
