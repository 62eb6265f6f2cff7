"""The step that splits a table into a train and a test part."""

from headrace.core.splits.split_table import split_table
from headrace.steps.artifacts import StepArtifact, add_metadata, record_arguments, record_digests
from headrace.steps.step_function import Say, as_step


@as_step
def run_split(
    say: Say,
    *,
    table: StepArtifact,
    contract: StepArtifact,
    train_table: StepArtifact,
    test_table: StepArtifact,
    test_actuals: StepArtifact,
    method: str,
    test_size: float,
    seed: int,
    cut: str,
    format: int,  # noqa: A002 - the name of the field in provenance.json
) -> None:
    """Split a table; the component documents the parameters."""
    facts = split_table(
        table.path,
        contract=contract.path,
        train_table=train_table.path,
        test_table=test_table.path,
        test_actuals=test_actuals.path,
        method=method,
        test_size=float(test_size),
        seed=int(seed),
        cut=cut,
        format=int(format),
    )
    outputs = {"train_table": train_table, "test_table": test_table, "test_actuals": test_actuals}
    for name, artifact in outputs.items():
        add_metadata(artifact, facts[name])
    record_digests(train_table, step="split", outputs=list(outputs.values()), after=table)
    record_arguments(train_table, method=method, test_size=test_size, seed=seed, cut=cut, format=format)
    say(f"train {facts['train_table']['rows']:,} rows, test {facts['test_table']['rows']:,}")
