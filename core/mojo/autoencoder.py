"""The network of an autoencoder of H2O, read from its MOJO: what each column adds to a row's reconstruction error."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headrace.core.base.errors import BundleError
from headrace.core.mojo import mojo_archive
from headrace.core.mojo.mojo_description import MODEL, MojoDescription, MojoInput
from headrace.core.mojo.side_car_frames import Floats

CATEGORY = "AutoEncoder"
_ACTIVATIONS = frozenset({"Rectifier", "Tanh"})


@dataclass(frozen=True)
class Autoencoder:
    """A network that was fitted to give back its inputs, on H2O's normalised scale.

    Its inputs are, column by column, one for each level and one for a missing value, then one for each number.

    Attributes:
        inputs: The columns that it reads, categories first.
        means: Number (m,) to subtract of each column of numbers, which also takes the place of a missing one.
        factors: Number (m,) by which the difference is multiplied.
        weights: Of each layer its weights (i, o), by input and output.
        biases: Of each layer its bias (o,).
        activation: ``Rectifier`` or ``Tanh``, of all layers, the last one too.
    """

    inputs: tuple[MojoInput, ...]
    means: Floats
    factors: Floats
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    activation: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of the network's inputs for each column."""
        return tuple(1 if one.levels is None else count_levels(one.levels) + 1 for one in self.inputs)

    def column_errors(self, matrix: Floats) -> Floats:
        """Compute what each column adds to the reconstruction error of each row.

        Args:
            matrix: Model matrix (n, p); NaN is missing, -1 a category that the contract does not list.

        Returns:
            Errors (n, p), whose sum over the columns is the score of the row; 0 for columns that the network ignores.
        """
        given = self._normalize(matrix)
        value = given
        for weights, bias in zip(self.weights, self.biases, strict=True):
            value = value @ weights + bias
            value = np.maximum(value, 0.0) if self.activation == "Rectifier" else np.tanh(value)
        squares = (given - value) ** 2 / given.shape[1]
        errors = np.zeros(matrix.shape)
        start = 0
        for one, size in zip(self.inputs, self.sizes, strict=True):
            errors[:, one.column] = squares[:, start : start + size].sum(axis=1)
            start += size
        return errors

    def _normalize(self, matrix: Floats) -> Floats:
        """Return the network's inputs (n, q)."""
        given = np.zeros((len(matrix), sum(self.sizes)))
        rows, start, number = np.arange(len(matrix)), 0, 0
        for one, size in zip(self.inputs, self.sizes, strict=True):
            value = matrix[:, one.column]
            if one.levels is None:
                filled = np.where(np.isnan(value), self.means[number], value)
                given[:, start] = (filled - self.means[number]) * self.factors[number]
                number += 1
            else:
                # The last entry is for a missing category, and for one that the contract does not list.
                places = np.array([size - 1 if level is None else level for level in (*one.levels, None)])
                given[rows, start + places[np.where(value >= 0, value, -1).astype(np.int64)]] = 1.0
            start += size
        return given


def read_autoencoder(mojo: bytes, description: MojoDescription) -> Autoencoder | None:
    """Read the network of a checked MOJO; None if it is no autoencoder, or of a kind that is not computed here.

    Args:
        mojo: The archive, checked by ``mojo_archive.read``.
        description: What it takes and gives.

    Raises:
        BundleError: If its numbers are not those of such a network.
    """
    if description.category != CATEGORY:
        return None
    facts = mojo_archive.read_info(mojo)
    usual = {"use_all_factor_levels": "true", "mean_imputation": "true"}
    if facts.get("activation") not in _ACTIVATIONS or any(facts.get(name) != value for name, value in usual.items()):
        return None
    try:
        return _read(facts, description)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{MODEL} must hold the numbers of its network; it does not: train it again.") from error


def _read(facts: Mapping[str, str], description: MojoDescription) -> Autoencoder:
    sizes = _numbers(facts["neural_network_sizes"]).astype(np.int64).tolist()
    layers = range(len(sizes) - 1)
    weights = tuple(
        # H2O keeps float32, and writes the shortest text that gives it again.
        _numbers(facts[f"weight_layer{layer}"])
        .astype(np.float32)
        .astype(np.float64)
        .reshape(sizes[layer + 1], sizes[layer])
        .T
        for layer in layers
    )
    biases = tuple(_numbers(facts[f"bias_layer{layer}"]).reshape(sizes[layer + 1]) for layer in layers)
    numbers = sum(one.levels is None for one in description.inputs)
    means, factors = (_numbers(facts[name]).reshape(numbers) for name in ("norm_sub", "norm_mul"))
    network = Autoencoder(description.inputs, means, factors, weights, biases, facts["activation"])
    if sum(network.sizes) != sizes[0] or sizes[0] != sizes[-1]:
        raise ValueError("its inputs are not those of its columns")
    return network


def count_levels(levels: tuple[int | None, ...]) -> int:
    """Return the number of levels that a MOJO has, given the places of the contract's categories in them."""
    return sum(level is not None for level in levels)


def _numbers(text: str) -> Floats:
    found = json.loads(text)
    return np.array([] if found is None else found, dtype=np.float64)
