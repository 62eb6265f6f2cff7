"""The component that infers a table's data contract."""

from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def infer_contract(
    table: Input[Dataset],
    contract: Output[Artifact],
    name: str,
    target: str = "",
    task: str = "",
    time_column: str = "",
    id_columns: list = [],  # noqa: B006 - KFP's defaults are constants of the compiled spec
    group_column: str = "",
    drop_columns: list = [],  # noqa: B006
    hash_columns: list = [],  # noqa: B006
    positive: str = "",
    contract_address: str = "",
    country: str = "",
    decimal: str = "",
    thousands: str = "",
    fingerprint: str = "",
) -> None:
    """Infer the data contract of a table, or validate a contract that a person wrote against it.

    Args:
        table: Raw table.
        contract: Contract (YAML): names, dtypes, ranges, categories, roles and row features; its metadata hold notes
            on what was guessed.
        name: Name of the model and of its endpoint.
        target: Column to predict; of a task anomaly the one with the labels there are, if any (default: the given
            contract's).
        task: Kind of task: binary, multiclass, regression, or anomaly, which needs no target (default: inferred).
        time_column: Timestamp to split by: the latest rows are the test.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values the split keeps together.
        drop_columns: Columns to leave out.
        hash_columns: Columns to keep only as a keyed hash.
        positive: Class whose probability is reported, for a binary task (default: by its meaning, else the rarer one).
        contract_address: Path, http(s):// or s3:// address of a data contract to hold the table to, made by `contract`
            (default: inferred).
        country: ISO 3166 code of the country whose public holidays and notation matter, such as US.
        decimal: Decimal mark: a dot or a comma (default: detected).
        thousands: Mark between groups of three digits: . , ' or a blank (default: detected).
        fingerprint: Fingerprint of the address: the contract of an earlier run is reused only for the same content.
    """
    from headrace.steps.data.infer_contract import run_infer_contract

    run_infer_contract(
        table=table,
        contract=contract,
        name=name,
        target=target,
        task=task,
        time_column=time_column,
        id_columns=id_columns,
        group_column=group_column,
        drop_columns=drop_columns,
        hash_columns=hash_columns,
        positive=positive,
        contract_address=contract_address,
        country=country,
        decimal=decimal,
        thousands=thousands,
        fingerprint=fingerprint,
    )
