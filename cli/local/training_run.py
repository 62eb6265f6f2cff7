"""A training run on the command line: progress on the screen, then a callback while its endpoint is live."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.api.local_run import RunOutput, training_run
from headrace.api.run_result import Run
from headrace.cli.output.run_output import Progress


def run_training(
    arguments: Mapping[str, Any],
    *,
    home: Path,
    records: Path,
    summary_file: Path | None,
    verbose: bool,
    on_success: Callable[[Run], None],
) -> None:
    """Run the training pipeline with ``arguments``; call ``on_success`` while its endpoint is live.

    Args:
        arguments: Parameters of the pipeline.
        home: The run's folder.
        records: Folder of registry, catalogue and lineage, as far as the environment names no others.
        summary_file: Where the summary is written too; None for nowhere.
        verbose: Whether the raw logs are shown.
        on_success: Called with the completed run.

    Raises:
        HeadraceError: If the run failed; the summary has been written.
    """
    output = RunOutput(
        home=home,
        records=records,
        on_event=Progress(sys.stdout),
        raw_log=sys.stderr if verbose else None,
        summary_file=summary_file,
    )
    with training_run(arguments, output) as completed:
        on_success(completed)
