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
    from pathlib import Path

    from headrace.core.bundles.bundle import open_bundle
    from headrace.core.inference.batch_scoring import score_table
    from headrace.core.inference.scorer import Scorer
    from headrace.core.runtime.step_events import step
    from headrace.stores.sources.open_source import open_source

    with step("score") as say:
        scorer = Scorer.open(open_bundle(Path(bundle.path)), threads=threads)
        source = open_source(f"{table.path}/part-*.parquet")
        counts = score_table(source, scorer=scorer, output=Path(predictions.path))
        predictions.metadata.update(counts)
        say(f"{counts['scored']:,} rows scored, {counts['refused']:,} refused")
        return int(counts["scored"])
