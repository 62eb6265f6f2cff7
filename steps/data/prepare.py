"""The step that ingests, validates and splits a big table in one pass."""

from pathlib import Path

from headrace.core.base.errors import InputError
from headrace.core.base.notes import from_json
from headrace.core.splits.prepare import PreparedPaths, prepare_table
from headrace.core.tables.source import ReadOptions
from headrace.registry.record import record_prepared
from headrace.steps.artifacts import StepArtifact, add_metadata, read_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.open_source import open_source
from headrace.stores.sources.small_file import one_file


@as_step
def run_prepare(
    _say: Say,
    *,
    source: str,
    train_table: StepArtifact,
    test_table: StepArtifact,
    test_actuals: StepArtifact,
    quarantine: StepArtifact,
    checks: StepArtifact,
    contract: StepArtifact | None,
    contract_address: str,
    header: bool,
    delimiter: str,
    encoding: str,
    skip_lines: int,
    comment: str,
    split_method: str,
    test_size: float,
    seed: int,
    cut: str,
) -> None:
    """Ingest, validate, engineer and split a table in one pass; the component documents the parameters."""
    if not contract and not contract_address:
        raise InputError("prepare must be given the contract of an earlier step, or its address; got neither.")
    tables = {"train_table": train_table, "test_table": test_table, "test_actuals": test_actuals}
    outputs = {**tables, "quarantine": quarantine, "checks": checks}
    with one_file(contract.path if contract else contract_address) as contract_file:
        facts = prepare_table(
            open_source(source),
            contract=contract_file,
            outputs=PreparedPaths(**{name: Path(artifact.path) for name, artifact in outputs.items()}),
            options=ReadOptions(
                header=header, delimiter=delimiter, encoding=encoding, skip_lines=int(skip_lines), comment=comment
            ),
            method=split_method,
            test_size=float(test_size),
            seed=int(seed),
            cut=cut,
            notes=from_json(read_metadata(contract).get("notes", []) if contract else []),
        )
        for name, artifact in outputs.items():
            add_metadata(artifact, facts[name])
        record_prepared(facts["source"], contract=contract_file, checks=Path(checks.path))
    add_metadata(train_table, {"source": facts["source"]})
