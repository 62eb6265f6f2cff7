"""The component that ingests, validates and splits a big table in one pass."""

from typing import Optional

from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def prepare(
    source: str,
    train_table: Output[Dataset],
    test_table: Output[Dataset],
    test_actuals: Output[Dataset],
    quarantine: Output[Dataset],
    checks: Output[Artifact],
    contract: Optional[Input[Artifact]] = None,  # noqa: UP045 - KFP knows this spelling only
    contract_address: str = "",
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
    split_method: str = "",
    test_size: float = 0.2,
    seed: int = 0,
    cut: str = "",
) -> None:
    """Ingest, validate, engineer and split a table in one pass, in memory that does not grow with it.

    Args:
        source: Path, folder, glob, http(s)://, s3:// or SQL address of the table.
        train_table: Typed, valid rows with their row features, to learn from.
        test_table: The same for the test, without the target.
        test_actuals: The target of those rows, in the same order.
        quarantine: The bad rows as they were read, with their numbers and reasons.
        checks: Failed checks and notes (JSON).
        contract: Data contract of the table (YAML) of an earlier step; it names the columns of a CSV without a header.
        contract_address: Path or address (``http(s)://``, ``s3://``) of the contract, where no earlier step passes it.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV: one character, or tab (default: detected).
        encoding: Text encoding of a CSV (default: UTF-8, or what a byte-order mark says).
        skip_lines: Lines of a CSV before its header (default: detected).
        comment: What comment lines of a CSV begin with (default: detected).
        split_method: How rows are divided: random, stratified, time or group (default: by the contract).
        test_size: Share of rows for the test part, above 0 and below 1.
        seed: Seed of every random choice.
        cut: The cut in the metadata of an earlier split, to repeat it on a table that has grown; empty to choose it.
    """
    from headrace.steps.data.prepare import run_prepare

    run_prepare(
        source=source,
        train_table=train_table,
        test_table=test_table,
        test_actuals=test_actuals,
        quarantine=quarantine,
        checks=checks,
        contract=contract,
        contract_address=contract_address,
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
        split_method=split_method,
        test_size=test_size,
        seed=seed,
        cut=cut,
    )
