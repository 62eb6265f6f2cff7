"""The component that infers a table's data contract."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
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
) -> None:
    """Infer the data contract of a table, or hold a contract that a person made against it.

    Args:
        table: Raw table.
        contract: Contract (YAML): names, dtypes, ranges, categories, roles and row features; what was guessed is noted
            in its metadata.
        name: Name of the contract and of the model: lower case letters, digits and dashes.
        target: Column to predict.
        task: binary, multiclass or regression; empty to infer it.
        time_column: Timestamp by which the table is to be split.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values are to stay on one side of the split.
        drop: Columns to leave out.
        hash: Personal columns to hash.
        positive: Positive class of a binary task; empty to infer it.
        given: Path of a contract that a person made; empty to infer one.
        country: ISO 3166 code of the country whose public holidays become a feature.
    """
    from pathlib import Path

    from headrace.core.contract_yaml import dump
    from headrace.core.files import write_text
    from headrace.core.infer import Wishes, inferred
    from headrace.core.notes import as_json
    from headrace.core.steps import step
    from headrace.core.text import guarded_texts, plain, plain_list
    from headrace.core.trace import given as noted

    with step("infer_contract") as say:
        wishes = Wishes(
            task=task,
            time_column=plain(time_column),
            id_columns=tuple(plain_list(id_columns)),
            group_column=plain(group_column),
            drop=tuple(plain_list(drop)),
            hash=tuple(plain_list(hash)),
            positive=plain(positive),
            country=country,
        )
        made = inferred(table.path, name=plain(name), target=plain(target), wishes=wishes, given=plain(given))
        found = made.contract
        write_text(Path(contract.path), dump(found))
        contract.metadata.update({"task": found.task, "columns": len(found.columns), "features": len(found.features)})
        contract.metadata.update(guarded_texts({"notes": as_json(made.notes)}))
        contract.metadata["arguments"] = noted(
            name=name,
            target=target,
            task=task,
            time_column=time_column,
            id_columns=id_columns,
            group_column=group_column,
            positive=positive,
            country=country,
            given=bool(given),
        )
        say(f"{found.task}, {len(found.inputs)} inputs")
