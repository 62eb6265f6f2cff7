"""The step that infers a table's data contract."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headrace.core.base.files import write_text
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import dump
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.steps.artifacts import StepArtifact, add_metadata, record_arguments
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.small_file import one_file


@as_step
def run_infer_contract(
    say: Say,
    *,
    table: StepArtifact,
    contract: StepArtifact,
    name: str,
    target: str,
    task: str,
    time_column: str,
    id_columns: Sequence[str],
    group_column: str,
    drop_columns: Sequence[str],
    hash_columns: Sequence[str],
    positive: str,
    contract_address: str,
    country: str,
    decimal: str,
    thousands: str,
    objective: str,
    quantile: float,
    intervals: float,
    class_weights: str,
    fingerprint: str,
) -> None:
    """Infer the contract, or validate the given one against the table; the component documents the parameters."""
    hints = ContractHints(
        task=task,
        time_column=time_column,
        id_columns=tuple(map(str, id_columns)),
        group_column=group_column,
        drop_columns=tuple(map(str, drop_columns)),
        hash_columns=tuple(map(str, hash_columns)),
        positive=positive,
        country=country,
        decimal=decimal,
        thousands=thousands,
        objective=objective,
        quantile=float(quantile),
        intervals=float(intervals),
        class_weights=class_weights,
    )
    with one_file(contract_address, fingerprint) as file:
        inferred = infer_with_notes(
            table.path, name=name, target=target, hints=hints, given=file if contract_address else ""
        )
    if _asks_for_more(inferred.contract):
        from headrace.core.models.objectives.aim_texts import left_out_notes  # noqa: PLC0415 - scikit-learn is slow

        inferred = replace(inferred, notes=(*inferred.notes, *left_out_notes(inferred.contract)))
    write_text(Path(contract.path), dump(inferred.contract))
    add_metadata(contract, inferred.metadata)
    record_arguments(
        contract,
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
        objective=objective,
        quantile=quantile,
        intervals=intervals,
        class_weights=class_weights,
        contract_address="contract.yaml" if contract_address else "",
    )
    say(f"{inferred.contract.task}, {len(inferred.contract.inputs)} inputs")


def _asks_for_more(contract: Contract) -> bool:
    """Return whether some families cannot do what the contract asks."""
    constrained = any(column.monotone for column in contract.columns)
    return contract.objective != "mean" or bool(contract.class_weights) or constrained
