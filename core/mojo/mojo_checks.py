"""What a MOJO and its description must be before Java sees them."""

import json

from headrace.core.base.errors import BundleError, InputError
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.mojo import mojo_archive
from headrace.core.mojo.mojo_description import DESCRIPTION, MODEL, MojoDescription


def check_mojo(mojo: bytes, description: bytes, contract: Contract) -> MojoDescription:
    """Check a MOJO and its description before Java sees them, and return the description.

    Args:
        mojo: The archive.
        description: Content of ``mojo.json``.
        contract: The contract of the model.

    Raises:
        BundleError: If they are damaged, of another version of H2O, or not of one model of this contract.
    """
    facts = mojo_archive.read(mojo)
    try:
        described = MojoDescription.from_json(json.loads(description))
    except (InputError, ValueError) as error:
        raise BundleError(f"a model of H2O must have its {DESCRIPTION}; {error}") from error
    columns = matrix_layout.columns(contract)
    described.check(
        columns=len(columns),
        categories=tuple(len(column.categories or ()) for column in columns),
        classes=len(matrix_layout.classes(contract)),
    )
    if described.finds_anomalies != (contract.task == "anomaly"):
        raise BundleError(
            f"{DESCRIPTION} must describe the model of its contract; it is of a model for {described.category}, "
            f"the task is {contract.task}: package the model again."
        )
    if not mojo_archive.is_described(facts, described):
        raise BundleError(f"{MODEL} and {DESCRIPTION} must be of one model; they are not: package the model again.")
    return described
