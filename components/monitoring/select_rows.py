"""The component that selects the rows of a retraining."""

from typing import NamedTuple

from kfp.dsl import Artifact, Output

from headrace.components.base import component


class SelectRowsOutputs(NamedTuple):
    """What a retraining trains on.

    Attributes:
        source: Address of the table.
        contract: Address of its contract.
        test_size: Share of the rows to hold out by time.
        roll_out: Whether a better model may take over without a person's approval.
        champion: Folder or store URI of the bundle in service.
    """

    source: str
    contract: str
    test_size: float
    roll_out: bool
    champion: str


@component
def select_rows(
    model: str,
    store: str,
    selection: Output[Artifact],
    new: str = "",
    old: str = "",
    policy: str = "",
    raise_contract: list = [],  # noqa: B006 - KFP's default
    test_size: float = 0.2,
    seed: int = 0,
) -> SelectRowsOutputs:
    """Validate old and new rows of a model, and store those that the policy selects, with their contract.

    Args:
        model: Folder or store URI of the bundle in service, or NAME@VERSION of the registry.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        selection: What was selected and left out, and how the contract became wider (JSON).
        new: Path or address of the labelled rows since the last training, with ``time``; empty for those in the store.
        old: Path or address of the table that the model was made from; empty for the bundle's copy of it.
        policy: Path or address of the monitoring policy; empty for the default one.
        raise_contract: What may become wider in the contract: categories, range, missing.
        test_size: Share of all rows to hold out; at most half of the new rows are.
        seed: Seed of every random choice.

    Returns:
        Address of the table, address of its contract, the share of rows to hold out by time, whether a better model
        may take over without a person's approval, and the address of the bundle in service.
    """
    from headrace.steps.monitoring.select_rows import run_select_rows

    return SelectRowsOutputs(
        *run_select_rows(
            model=model,
            store=store,
            new=new,
            selection=selection,
            old=old,
            policy=policy,
            raise_contract=raise_contract,
            test_size=test_size,
            seed=seed,
        )
    )
