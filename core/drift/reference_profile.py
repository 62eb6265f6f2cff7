"""The reference profile: what a bundle keeps of the rows that its model was fitted and measured on.

It is the document ``profile.json`` of a bundle, whose schema is ``docs/profile.schema.json``: counts and sums from
which monitors are computed later, and no row.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import DataError, InputError
from headrace.core.base.json_document import JsonDocument
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.drift.input_bins import choose_bins
from headrace.core.drift.input_counts import InputCounts, InputRecord
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.features import matrix_layout

FILE = "profile.json"
FORMAT = 1
MOST_SAMPLED = 100_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReferenceProfile(JsonDocument):
    """What is known of the rows that a model was fitted and measured on.

    Attributes:
        format: Version of this document's form.
        contract: SHA-256 of the contract, as the bundle holds it.
        inputs: Counts of the model's inputs over the training part; none of a personal column.
        outputs: Predictions and actual values of the test part.
    """

    format: int
    contract: str
    inputs: InputRecord
    outputs: OutputProfile

    expected: ClassVar[str] = "a bundle's profile.json must be what package writes, as docs/profile.schema.json says"
    remedy: ClassVar[str] = "package the model again"

    def counts(self) -> InputCounts:
        """Return the counts of the training part's inputs."""
        return InputCounts.of_record(self.inputs)

    def check(self, contract: Contract) -> None:
        """Raise if the profile is of another contract.

        Raises:
            InputError: If so.
        """
        if self.contract != contract_digest(contract):
            raise InputError(
                f"the reference profile must be of the contract {contract.name} that the rows are read with; it is of "
                "another version of it: monitor with the bundle that answered, or package the model again."
            )


def contract_digest(contract: Contract) -> str:
    """Return the SHA-256 of a contract, as a bundle holds it."""
    return hashlib.sha256(contract_yaml.dump(contract).encode()).hexdigest()


def profiled_columns(contract: Contract) -> list[int]:
    """Return the positions of the matrix columns that are profiled: all that do not derive from personal data."""
    row_features = {feature.name: feature.columns for feature in contract.features}
    personal = {column.name for column in contract.columns if column.personal}
    columns = matrix_layout.columns(contract)
    return [
        position
        for position, column in enumerate(columns)
        if not personal & set(row_features.get(column.name, (column.name,)))
    ]


def profile_inputs(matrices: Callable[[], Iterable[Floats]], contract: Contract) -> InputCounts:
    """Count the inputs of the training part.

    The bins follow from at most 100,000 rows, drawn evenly from all of them; the counts are of all rows.

    Args:
        matrices: Called twice; yields the training part as model matrices (n, p), the same ones both times.
        contract: The contract.

    Raises:
        DataError: If there is no row.
    """
    kept = profiled_columns(contract)
    columns = matrix_layout.columns(contract)
    bins = choose_bins(_sample(matrix[:, kept] for matrix in matrices()), [columns[position] for position in kept])
    total: InputCounts | None = None
    for matrix in matrices():
        counts = InputCounts.of(matrix[:, kept], bins)
        total = counts if total is None else total + counts
    if total is None:
        raise DataError("the training part must hold rows to be profiled; it holds none.")
    return total


def _sample(matrices: Iterator[Floats]) -> Floats:
    """Draw at most about 100,000 rows, each with the same probability, whatever their number."""
    generator = np.random.default_rng(0)
    rate, rows, kept = 1.0, 0, list[Floats]()
    draws = list[Floats]()
    for matrix in matrices:
        draw = generator.random(len(matrix))
        chosen = draw < rate
        kept.append(matrix[chosen])
        draws.append(draw[chosen])
        rows += int(chosen.sum())
        while rows > MOST_SAMPLED:
            rate /= 2
            keep = [draw < rate for draw in draws]
            kept = [matrix[mask] for matrix, mask in zip(kept, keep, strict=True)]
            draws = [draw[mask] for draw, mask in zip(draws, keep, strict=True)]
            rows = sum(map(len, draws))
    if not kept:
        raise DataError("the training part must hold rows to be profiled; it holds none.")
    return np.concatenate(kept)
