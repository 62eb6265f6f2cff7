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
    from pathlib import Path

    from headrace.core.base.notes import from_json
    from headrace.core.base.parameter_text import guarded_texts, plain_texts
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import add_to_trace
    from headrace.core.validation.table import validate_table
    from headrace.registry.record import recorded_checks

    facts = plain_texts(table.metadata)
    with step("validate") as say, recorded_checks(facts, contract=Path(contract.path), checks=Path(checks.path)):
        result = validate_table(
            table.path,
            contract=contract.path,
            valid=valid_table.path,
            quarantine=quarantine.path,
            checks=checks.path,
            page=data_checks.path,
            notes=from_json([*facts.get("notes", []), *plain_texts(contract.metadata).get("notes", [])]),
        )
        steps = add_to_trace(table.metadata, "validate", valid_table.path, checks.path)
        valid_table.metadata.update({"rows": result["valid"], "steps": steps})
        quarantine.metadata.update({"rows": result["quarantined"]})
        checks.metadata.update(guarded_texts(result))
        say(f"{result['valid']:,} rows valid, {result['quarantined']:,} quarantined")
