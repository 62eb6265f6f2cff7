"""The step that profiles a table."""

from headrace.reports.profile.page import profile_table
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_profile(_say: Say, *, table: StepArtifact, contract: StepArtifact, profile: StepArtifact) -> None:
    """Draw the page of a table; the component documents the parameters."""
    facts = profile_table(table.path, contract=contract.path, page=profile.path)
    add_metadata(profile, {"rows": facts.rows, "columns": len(facts.columns) + len(facts.others)})
