"""Encoding of requests: rows to the model matrix, or a refusal with the reason.

The fast path, plain Python and NumPy, takes what is plainly valid in microseconds. Everything else goes through the
full path, ``headrace.core.validation.records``, the functions that also check a training table, and only it refuses.
The two paths cannot disagree: where the fast path is not sure, it gives no result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.inference import feature_decoders
from headrace.core.inference.column_decoders import ArrayDecoder, ScalarDecoder, build_decoder

Rows = Sequence[Any]
Columns = Mapping[str, Sequence[Any] | NDArray[Any]]

# From this many rows on, whole columns in NumPy are faster than values one by one.
_MANY = 12


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows of a request that the model may score.

    Attributes:
        matrix: Model matrix (n, p) of float64 in C order.
        warnings: Sentences about broken rules that only warn; at most 100.
    """

    matrix: NDArray[np.float64]
    warnings: tuple[str, ...] = ()


class RequestEncoder:
    """Encode the requests of one contract."""

    def __init__(self, contract: Contract) -> None:
        """Prepare the decoders of the contract's columns.

        Args:
            contract: The contract of the served model.
        """
        self.contract = contract
        self.names = tuple(column.name for column in contract.inputs)
        decoders = [build_decoder(column, contract.missing_values) for column in contract.inputs]
        self._ones: tuple[ScalarDecoder, ...] = tuple(decoder.decode_value for decoder in decoders)
        self._column_decoders: tuple[ArrayDecoder, ...] = tuple(decoder.decode_column for decoder in decoders)
        self._places = matrix_layout.origins(contract)
        self._features = [feature_decoders.build_decoder(feature, self.names) for feature in contract.features]
        self.width = len(self._places)
        self._direct = not self._features and self._places == tuple(range(len(self.names)))
        # A picture fills many columns of the matrix, and so only whole columns are decoded.
        self._wide = any(column.dtype == "picture" for column in contract.inputs)

    def encode_rows(self, rows: Rows) -> EncodedRows:
        """Encode records by column name, or arrays in the order of the contract's inputs.

        Args:
            rows: n rows of one kind, with values as JSON holds them.

        Returns:
            Model matrix (n, p), with warnings.

        Raises:
            RequestError: If a row or a value breaks the contract; the sentence names row, column, what was expected
                and what was found.
        """
        return self.try_rows(rows) or self._judged_rows(rows)

    def encode_columns(self, columns: Columns) -> EncodedRows:
        """Encode whole columns.

        Args:
            columns: Values (n,) by the name of their column; in an array of floats NaN is a missing value.

        Raises:
            RequestError: As ``encode_rows`` does.
        """
        return self.try_columns(columns) or self._judged_columns(columns)

    def try_rows(self, rows: Rows) -> EncodedRows | None:
        """Encode rows as ``encode_rows`` does, on the fast path alone; None if only the full path can tell."""
        if len(rows) >= _MANY or (self._wide and rows):
            columns = self._transpose(rows)
            return self._quick_many(columns) if columns else None
        if len(rows) > 1 and len(set(map(type, rows))) > 1:
            return None
        matrix = []
        for row in rows:
            values = self._values(row)
            numbers = values and self._numbers(values)
            if not numbers:
                return None
            matrix.append(numbers)
        return EncodedRows(np.array(matrix)) if matrix else None

    def try_columns(self, columns: Columns) -> EncodedRows | None:
        """Encode columns (n,) as ``encode_columns`` does, on the fast path alone; None if it cannot tell."""
        if len(columns) < len(self.names) or not columns.keys() <= self.contract.names:
            return None
        try:
            inputs = [columns[name] for name in self.names]
        except KeyError:
            return None
        rows = len(inputs[0])
        if not rows or any(len(values) != rows for values in inputs):
            return None
        if rows >= _MANY or self._wide or any(isinstance(values, np.ndarray) for values in inputs):
            return self._quick_many(inputs)
        return self.try_rows(list(map(list, zip(*inputs, strict=True))))

    def _values(self, row: Any) -> Sequence[Any] | None:
        """Return the values of one row in the order of the inputs; None if the row does not have them all."""
        if type(row) is list:
            return row if len(row) == len(self.names) else None
        if type(row) is not dict:
            return None
        try:
            values = [row[name] for name in self.names]
        except KeyError:
            return None
        return values if len(row) == len(values) or self._fits(row) else None

    def _fits(self, names: Iterable[str]) -> bool:
        return self.contract.names.issuperset(names)

    def _numbers(self, values: Sequence[Any]) -> list[float] | None:
        """Decode one row of the matrix (p,); None if a value is not plainly valid."""
        numbers = []
        for one, value in zip(self._ones, values, strict=True):
            number = one(value)
            if number is None:
                return None
            numbers.append(number)
        if self._direct:
            return numbers
        features = [one(*[numbers[place] for place in places]) for one, _, places in self._features]
        return [(numbers[place] if place >= 0 else features[~place]) for place in self._places]

    def _transpose(self, rows: Rows) -> Sequence[Sequence[Any]] | None:
        kinds = set(map(type, rows))
        try:
            if kinds == {list}:
                columns = list(zip(*rows, strict=True))
                return columns if len(columns) == len(self.names) else None
            if kinds == {dict} and all(map(self._fits, set(map(tuple, rows)))):
                return [[row[name] for row in rows] for name in self.names]
        except (ValueError, KeyError):  # rows of several lengths, or with other names: the full path names them
            return None
        return None

    def _quick_many(self, columns: Sequence[Sequence[Any] | NDArray[Any]]) -> EncodedRows | None:
        inputs = []
        for many, values in zip(self._column_decoders, columns, strict=True):
            read = many(values)
            if read is None:
                return None
            inputs.append(read)
        features = [many(*[inputs[place] for place in places]) for _, many, places in self._features]
        if self._wide:
            return EncodedRows(self._wide_matrix(inputs, features))
        matrix = np.empty((len(columns[0]), len(self._places)))
        for target, place in enumerate(self._places):
            matrix[:, target] = inputs[place] if place >= 0 else features[~place]
        return EncodedRows(matrix)

    def _wide_matrix(self, inputs: list[Any], features: list[Any]) -> NDArray[np.float64]:
        """Return the matrix (n, p) of columns (n,) and of pictures (n, values)."""
        order = dict.fromkeys(self._places)
        blocks = [inputs[place] if place >= 0 else features[~place] for place in order]
        return np.column_stack([np.asarray(block, dtype=np.float64) for block in blocks])

    def _judged_rows(self, rows: Rows) -> EncodedRows:
        from headrace.core.validation import records  # noqa: PLC0415 - Polars takes half a second that a start must not wait for

        return self._validate(records.table(rows, self.contract))

    def _judged_columns(self, columns: Columns) -> EncodedRows:
        from headrace.core.validation import records  # noqa: PLC0415 - as above

        return self._validate(records.of_columns(columns))

    def _validate(self, raw: Any) -> EncodedRows:
        from headrace.core.features import model_matrix, row_features  # noqa: PLC0415 - as above
        from headrace.core.validation import records  # noqa: PLC0415 - as above

        typed, warnings = records.validate_with_warnings(raw, self.contract)
        encoded = model_matrix.encode(row_features.add(typed, self.contract), self.contract)
        return EncodedRows(encoded, tuple(str(item) for item in warnings))
