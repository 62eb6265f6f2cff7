"""The step that selects the rows of a retraining."""

from collections.abc import Sequence
from pathlib import Path

from headrace.core.base import notes
from headrace.core.base.files import write_json
from headrace.core.monitors.decisions.policy_yaml import default_text, load_policy, parse_policy
from headrace.monitoring.retraining.prepare_training import RetrainingOptions, prepare_training
from headrace.monitoring.retraining.training_rows import read_raw_rows
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.bundle_source import open_bundle_at, resolve_address
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects
from headrace.stores.sources.small_file import one_file


@as_step
def run_select_rows(
    say: Say,
    *,
    model: str,
    store: str,
    new: str,
    selection: StepArtifact,
    old: str,
    policy: str,
    raise_contract: Sequence[str],
    test_size: float,
    seed: int,
) -> tuple[str, str, float, bool, str]:
    """Select and store the rows of a retraining; the component documents the parameters.

    Returns:
        Address of the table, address of the contract, the share of rows to hold out, whether a better model may take
        over without a person, and the address of the bundle in service.
    """
    options = RetrainingOptions(old, tuple(raise_contract), float(test_size), int(seed))  # type: ignore[arg-type]  # texts
    champion = resolve_address(model)
    with one_file(policy) as file, open_bundle_at(champion) as bundle:
        rules = load_policy(file) if policy else parse_policy(default_text())
        place = open_objects(store, create=True)
        prepared = prepare_training(bundle, read_raw_rows(new) if new else None, place, policy=rules, options=options)
    facts = {"rows": prepared.rows, "changes": list(prepared.changes), "notes": notes.as_json(prepared.notes)}
    write_json(Path(selection.path), {**facts, "source": prepared.source, "contract": prepared.contract})
    add_metadata(selection, facts)
    say(
        f"{prepared.rows['old']:,} old and {prepared.rows['new']:,} new rows, the newest {prepared.rows['held_out']:,} "
        "held out"
    )
    return prepared.source, prepared.contract, prepared.test_size, "roll_out" not in rules.approve, champion
