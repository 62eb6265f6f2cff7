"""The component that stores what turned out to be true of scored rows."""

from kfp.dsl import Artifact, Dataset, Output

from headrace.components.base import component


@component
def join_labels(
    model: str,
    store: str,
    counts: Output[Artifact],
    refused: Output[Dataset],
    labels: str = "",
    actual_column: str = "",
    request_id_column: str = "request_id",
    row_column: str = "row",
    observed_column: str = "observed",
) -> int:
    """Store labels of rows that a model has scored, as ``headrace labels`` does.

    Args:
        model: Folder or store URI of the bundle in service, or NAME@VERSION; its contract says what a label may be.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        counts: How many labels were matched, unknown, corrected, repeated and refused, and why.
        refused: The refused rows, with the reason of each in the last column.
        labels: Path or address of the table of labels; empty for none.
        actual_column: Column of what was true; empty for the contract's target.
        request_id_column: Column of the request's id; a table without it names rows by the contract's keys.
        row_column: Column of the position in the request; without it, the first row of each request is meant.
        observed_column: Column of the time at which it was true, or became known; the table may lack it.

    Returns:
        How many labels belong to stored rows.
    """
    from headrace.steps.monitoring.join_labels import run_join_labels

    return run_join_labels(
        model=model,
        store=store,
        counts=counts,
        refused=refused,
        labels=labels,
        actual_column=actual_column,
        request_id_column=request_id_column,
        row_column=row_column,
        observed_column=observed_column,
    )
