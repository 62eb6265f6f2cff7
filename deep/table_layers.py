"""Layers over columns of the model matrix: gaps, scales and codes of categories are part of the network.

Each has a converter in ``onnx_table_layers``.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

LARGEST = 10.0
"""Scaled numbers are clipped to it on either side of 0: what was never seen must not blow up."""
SMALLEST = 1e-8
"""What is added to a mean squared error before its root."""


class Columns(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Columns of a matrix, by their places."""

    def __init__(self, places: Sequence[int], **options: Any) -> None:
        """Take the places."""
        super().__init__(**options)
        self.places = list(places)

    def call(self, matrix: Any) -> Any:
        """Return the columns (n, q)."""
        return ops.take(matrix, self.places, axis=1)


class ScaleNumbers(keras.layers.Layer):  # type: ignore[misc]  # as above
    """``(value - mean) / scale``, clipped; 0 for a missing value."""

    def __init__(self, means: Sequence[float], scales: Sequence[float], **options: Any) -> None:
        """Take mean and scale of each column."""
        super().__init__(**options)
        self.means, self.scales = list(means), list(scales)

    def call(self, numbers: Any) -> Any:
        """Return the scaled columns (n, q)."""
        means, scales = (ops.convert_to_tensor(values, dtype="float32") for values in (self.means, self.scales))
        scaled = ops.clip((numbers - means) / scales, -LARGEST, LARGEST)
        return ops.where(ops.isnan(numbers), ops.zeros_like(numbers), scaled)


class MissingFlags(keras.layers.Layer):  # type: ignore[misc]  # as above
    """1 where a value is missing, else 0."""

    def call(self, numbers: Any) -> Any:
        """Return flags (n, q) of float32."""
        return ops.cast(ops.isnan(numbers), "float32")


class EmbedCodes(keras.layers.Layer):  # type: ignore[misc]  # as above
    """A vector for each code of a category; a missing and an unlisted one have vectors of their own."""

    def __init__(self, categories: int, width: int, seed: int, **options: Any) -> None:
        """Take the number of listed categories, the length of a vector, and the seed."""
        super().__init__(**options)
        self.categories, self.width, self.seed = categories, width, seed

    def build(self, _: Any) -> None:
        """Create the vectors: row 0 for a missing code, row 1 for -1, then one for each category."""
        self.table = self.add_weight(
            shape=(self.categories + 2, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.3, seed=self.seed),
            name="table",
        )

    def call(self, codes: Any) -> Any:
        """Return the vectors (n, width) of a column of codes (n, 1)."""
        known = ops.where(ops.isnan(codes), ops.full_like(codes, -2.0), codes)
        rows = ops.clip(known[:, 0] + 2.0, 0.0, self.categories + 1.0)
        return ops.take(self.table, ops.cast(rows, "int32"), axis=0)


class LastStep(keras.layers.Layer):  # type: ignore[misc]  # as above
    """The last step of a sequence."""

    def call(self, sequence: Any) -> Any:
        """Return the values (n, c) of the last of t steps (n, t, c)."""
        return sequence[:, -1, :]


class OneHotCodes(EmbedCodes):
    """1 in the place of a code, else 0; a missing and an unlisted code have places of their own, the first two."""

    def __init__(self, categories: int, **options: Any) -> None:
        """Take the number of listed categories."""
        super().__init__(categories, categories + 2, 0, **options)

    def build(self, _: Any) -> None:
        """Create the table, which is not fitted."""
        self.table = self.add_weight(
            shape=(self.width, self.width), initializer=keras.initializers.Identity(), name="table", trainable=False
        )


class ReconstructionError(keras.layers.Layer):  # type: ignore[misc]  # as above
    """The root of the mean squared error of a reconstruction."""

    def __init__(self, places: Sequence[int], columns: int, **options: Any) -> None:
        """Take the column of the matrix of each value that is rebuilt, and the number of columns."""
        super().__init__(**options)
        self.places, self.columns = list(places), columns

    def shares(self) -> Any:
        """Return a matrix (q, p) that sums the squared errors of values by column; over all columns it is the mean."""
        table = np.zeros((len(self.places), self.columns), dtype=np.float32)
        table[np.arange(len(self.places)), self.places] = 1 / len(self.places)
        return table

    def call(self, both: Any) -> Any:
        """Return the errors (n, 1) of values (n, q) and their reconstruction (n, q)."""
        by_column = ops.matmul(ops.square(both[0] - both[1]), ops.convert_to_tensor(self.shares()))
        # The root has no derivative at 0.
        return ops.sqrt(ops.sum(by_column, axis=1, keepdims=True) + SMALLEST)
