"""The step that adds row features."""

from headrace.core.features.add_features import engineer_table
from headrace.steps.artifacts import StepArtifact, add_metadata, record_digests
from headrace.steps.step_function import Say, as_step


@as_step
def run_engineer(_say: Say, *, table: StepArtifact, contract: StepArtifact, feature_table: StepArtifact) -> None:
    """Add the contract's row features to a table; the component documents the parameters."""
    add_metadata(feature_table, engineer_table(table.path, contract=contract.path, feature_table=feature_table.path))
    record_digests(feature_table, step="engineer", outputs=[feature_table], after=table)
