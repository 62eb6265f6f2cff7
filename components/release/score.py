"""The component that scores a table with a bundle."""

from kfp.dsl import Dataset, Input, Model, Output

from headrace.components.base import component


@component
def score(bundle: Input[Model], table: Input[Dataset], predictions: Output[Dataset], threads: int = 2) -> int:
    """Write a prediction for each row of a table of any size.

    Args:
        bundle: The model.
        table: The rows, as ``ingest`` left them; the target may be absent.
        predictions: A row for each row: its number, keys and ids, label and probabilities or the value, whether it was
            scored or refused, the contract's violations, and the model's digest.
        threads: Threads of the engine.

    Returns:
        How many rows were scored.
    """
    from headrace.steps.release.score import run_score

    return run_score(bundle=bundle, table=table, predictions=predictions, threads=threads)
