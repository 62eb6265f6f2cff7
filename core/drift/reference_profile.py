"""The reference profile: what a bundle keeps of the rows that its model was fitted and measured on.

It is the document ``profile.json`` of a bundle, whose schema is ``docs/profile.schema.json``: counts and sums from
which monitors are computed later, and no row.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from headrace.core.base.errors import InputError
from headrace.core.base.json_document import JsonDocument
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.drift.input_counts import InputCounts, InputRecord
from headrace.core.drift.joint_drift import JointReference
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.drift.row_repeats import RowRepeats
from headrace.core.drift.window_variation import WindowVariation

FILE = "profile.json"
FORMAT = 2


@dataclass(frozen=True)
class ReferenceProfile(JsonDocument):
    """What is known of the rows that a model was fitted and measured on.

    Attributes:
        format: Version of this document's form.
        contract: SHA-256 of the contract, as the bundle holds it.
        inputs: Counts of the model's inputs over the training part; none of a personal column.
        outputs: Predictions and actual values of the test part.
        repeats: How often rows of the training part repeat one another.
        joint: Dependence of the inputs in the training part; absent of fewer than two.
        variations: How much its hours, days and weeks differ; empty without a time column.
    """

    format: int
    contract: str
    inputs: InputRecord
    outputs: OutputProfile
    repeats: RowRepeats
    joint: JointReference | None = None
    variations: tuple[WindowVariation, ...] = ()

    expected: ClassVar[str] = "a bundle's profile.json must be what package writes, as docs/profile.schema.json says"
    remedy: ClassVar[str] = "package the model again"

    @classmethod
    def from_json(cls, facts: Any) -> Self:
        """Read what ``as_json`` returned; one of format 1 does not hold how errors depend on inputs.

        Raises:
            InputError: If it is another document.
        """
        if isinstance(facts, Mapping) and facts.get("format") == 1 and isinstance(facts.get("outputs"), Mapping):
            facts = {**facts, "outputs": {**facts["outputs"], "errors": None}}
        return super().from_json(facts)

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
