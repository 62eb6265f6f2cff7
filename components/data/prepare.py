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
    given: str = "",
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
    method: str = "",
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
        given: Path or address (``http(s)://``, ``s3://``) of the contract, where no earlier step passes it.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV: one character, or tab (default: detected).
        encoding: Text encoding of a CSV (default: UTF-8, or what a byte-order mark says).
        skip_lines: Lines of a CSV before its header (default: detected).
        comment: What comment lines of a CSV begin with (default: detected).
        method: How rows are divided: random, stratified, time or group (default: by the contract).
        test_size: Share of rows for the test part, above 0 and below 1.
        seed: Seed of every random choice.
        cut: The cut in the metadata of an earlier split, to repeat it on a table that has grown; empty to choose it.
    """
    from pathlib import Path

    from headrace.core.base.errors import InputError
    from headrace.core.base.notes import from_json
    from headrace.core.base.parameter_text import guarded_texts, plain, plain_texts
    from headrace.core.runtime.step_events import step
    from headrace.core.splits.prepare import PreparedPaths, prepare_table
    from headrace.core.tables.source import ReadOptions
    from headrace.registry.record import record_prepared
    from headrace.stores.sources.open_source import open_source
    from headrace.stores.sources.small_file import one_file

    tables = {"train_table": train_table, "test_table": test_table, "test_actuals": test_actuals}
    outputs = {**tables, "quarantine": quarantine, "checks": checks}
    with step("prepare"), one_file(contract.path if contract else plain(given)) as contract_file:
        if not contract and not given:
            raise InputError("prepare must be given the contract of an earlier step, or its address; got neither.")
        facts = prepare_table(
            open_source(plain(source)),
            contract=contract_file,
            outputs=PreparedPaths(**{name: Path(artifact.path) for name, artifact in outputs.items()}),
            options=ReadOptions(
                header=header,
                delimiter=plain(delimiter),
                encoding=plain(encoding),
                skip_lines=int(skip_lines),
                comment=plain(comment),
            ),
            method=method,
            test_size=float(test_size),
            seed=int(seed),
            cut=cut,
            notes=from_json(plain_texts(contract.metadata).get("notes", []) if contract else []),
        )
        for name, artifact in outputs.items():
            artifact.metadata.update(guarded_texts(facts[name]))
        record_prepared(facts["source"], contract=contract_file, checks=Path(checks.path))
        train_table.metadata["source"] = facts["source"]
