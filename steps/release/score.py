"""The step that scores a table with a bundle."""

from pathlib import Path

from headrace.core.bundles.bundle import open_bundle
from headrace.core.inference.batch_scoring import score_table
from headrace.core.inference.scorer import Scorer
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.open_source import open_source


@as_step
def run_score(say: Say, *, bundle: StepArtifact, table: StepArtifact, predictions: StepArtifact, threads: int) -> int:
    """Write a prediction for each row, and return how many rows were scored; the component documents the parameters."""
    scorer = Scorer.open(open_bundle(Path(bundle.path)), threads=threads)
    source = open_source(f"{table.path}/part-*.parquet")
    counts = score_table(source, scorer=scorer, output=Path(predictions.path))
    add_metadata(predictions, counts)
    say(f"{counts['scored']:,} rows scored, {counts['refused']:,} refused")
    return int(counts["scored"])
