"""The step that checks a table against its data contract."""

from pathlib import Path

from headrace.core.base.notes import from_json
from headrace.core.validation.table import validate_table
from headrace.registry.record import recorded_checks
from headrace.steps.artifacts import StepArtifact, add_metadata, read_metadata, record_digests
from headrace.steps.step_function import Say, as_step


@as_step
def run_validate(
    say: Say,
    *,
    table: StepArtifact,
    contract: StepArtifact,
    valid_table: StepArtifact,
    quarantine: StepArtifact,
    checks: StepArtifact,
    data_checks: StepArtifact,
) -> None:
    """Validate every row of a table and the table as a whole; the component documents the parameters."""
    facts = read_metadata(table)
    with recorded_checks(facts, contract=Path(contract.path), checks=Path(checks.path)):
        result = validate_table(
            table.path,
            contract=contract.path,
            valid=valid_table.path,
            quarantine=quarantine.path,
            checks=checks.path,
            page=data_checks.path,
            notes=from_json([*facts.get("notes", []), *read_metadata(contract).get("notes", [])]),
        )
        add_metadata(valid_table, {"rows": result["valid"]})
        record_digests(valid_table, step="validate", outputs=[valid_table, checks], after=table)
        add_metadata(quarantine, {"rows": result["quarantined"]})
        add_metadata(checks, result)
        say(f"{result['valid']:,} rows valid, {result['quarantined']:,} quarantined")
