"""The component that infers a table's data contract."""

from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def infer_contract(
    table: Input[Dataset],
    contract: Output[Artifact],
    name: str,
    target: str,
    task: str = "",
    time_column: str = "",
    id_columns: list = [],  # noqa: B006 - KFP's defaults are constants of the compiled spec
    group_column: str = "",
    drop: list = [],  # noqa: B006
    hash: list = [],  # noqa: A002, B006
    positive: str = "",
    given: str = "",
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
        target: Column to predict.
        task: Kind of task: binary, multiclass or regression (default: inferred).
        time_column: Timestamp to split by: the latest rows are the test.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values the split keeps together.
        drop: Columns to leave out.
        hash: Columns to keep only as a keyed hash.
        positive: Class whose probability is reported, for a binary task (default: by its meaning, else the rarer one).
        given: Path, http(s):// or s3:// address of a data contract to hold the table to, made by `contract` (default:
            inferred).
        country: ISO 3166 code of the country whose public holidays and notation matter, such as US.
        decimal: Decimal mark: a dot or a comma (default: detected).
        thousands: Mark between groups of three digits: . , ' or a blank (default: detected).
        fingerprint: Fingerprint of ``given``: the contract of an earlier run is reused only for the same one.
    """
    from pathlib import Path

    from headrace.core.base.files import write_text
    from headrace.core.base.parameter_text import guarded_texts, plain, plain_list
    from headrace.core.contracts.contract_yaml import dump
    from headrace.core.contracts.inference.agreement import ContractHints
    from headrace.core.contracts.inference.infer import infer_with_notes
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import arguments_text
    from headrace.stores.sources.small_file import one_file

    with step("infer_contract") as say, one_file(plain(given), fingerprint) as file:
        hints = ContractHints(
            task=task,
            time_column=plain(time_column),
            id_columns=tuple(plain_list(id_columns)),
            group_column=plain(group_column),
            drop=tuple(plain_list(drop)),
            hash=tuple(plain_list(hash)),
            positive=plain(positive),
            country=country,
            decimal=plain(decimal),
            thousands=plain(thousands),
        )
        inferred = infer_with_notes(
            table.path, name=plain(name), target=plain(target), hints=hints, given=given and file
        )
        write_text(Path(contract.path), dump(inferred.contract))
        contract.metadata.update(guarded_texts(inferred.facts))
        contract.metadata["arguments"] = arguments_text(
            name=name,
            target=target,
            task=task,
            time_column=time_column,
            id_columns=id_columns,
            group_column=group_column,
            positive=positive,
            country=country,
            decimal=decimal,
            thousands=thousands,
            given=bool(given),
        )
        say(f"{inferred.contract.task}, {len(inferred.contract.inputs)} inputs")
