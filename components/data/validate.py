"""The component that checks a table against its data contract."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def validate(
    table: Input[Dataset],
    contract: Input[Artifact],
    valid_table: Output[Dataset],
    quarantine: Output[Dataset],
    checks: Output[Artifact],
    data_checks: Output[HTML],
) -> None:
    """Validate every row of a table against its contract, quarantine the bad ones, and check the table as a whole.

    Args:
        table: Raw table.
        contract: Data contract of the table (YAML).
        valid_table: Typed rows that meet the contract.
        quarantine: The other rows as they were read, with their numbers and the rules that they break.
        checks: Violations by rule and column (JSON), and all notes on the table, those of earlier steps included; its
            metadata hold the notes as well.
        data_checks: The same as a page.
    """
    from headrace.steps.data.validate import run_validate

    run_validate(
        table=table,
        contract=contract,
        valid_table=valid_table,
        quarantine=quarantine,
        checks=checks,
        data_checks=data_checks,
    )
