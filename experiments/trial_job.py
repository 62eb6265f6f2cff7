"""A trial in a pod of its own: ``python3 -m headrace.experiments.trial_job``, the command of a Katib trial template.

It reads the study from the object store, cross-validates with the code of a local search, writes each metric after each
fold to standard output in the form that Katib's collector reads, and stores its bundle and its record.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from headrace.core.base import settings
from headrace.core.base.environment_values import TrialSettings
from headrace.core.base.errors import HeadraceError, InputError, UserError, quote
from headrace.core.base.files import dumps
from headrace.core.base.remedies import require_store
from headrace.core.base.settings import StoreSettings
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.space import assignments
from headrace.experiments.trials import best_bundle, study_files
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study_files import StoredStudy
from headrace.stores.bundles import bundle_store, folder_store
from headrace.stores.objects.object_store import ObjectStore, connect

# Katib's collector looks for the process after its own start; a trial that has exited by then counts as failed.
LEAST_SECONDS = 3.0


class Reporter:
    """Writes metrics for Katib's collector, one per line: a time, a name, a value.

    All times differ, so that the latest value does not depend on the order in which the database stores them.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._last = datetime.min.replace(tzinfo=UTC)

    def __call__(self, values: Mapping[str, float]) -> None:
        """Write one value for each metric."""
        for name, value in values.items():
            self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
            moment = self._last.isoformat(timespec="microseconds").replace("+00:00", "Z")
            self._stream.write(f"{moment} {name}={value!r}\n")
        self._stream.flush()


def record_key(study: str, name: str) -> str:
    """Return the key of a trial's record in the bucket of its study.

    Args:
        study: URI of the study.
        name: Name of the trial.
    """
    return f"{study.split('/', 3)[3]}trials/{name}.json"


def run(trial_settings: TrialSettings, store_settings: StoreSettings, report: Reporter) -> Trial:
    """Run a trial, and store its record and its bundle.

    Args:
        trial_settings: Which one.
        store_settings: How to reach the store.
        report: Takes the metrics.

    Returns:
        The trial.

    Raises:
        HeadraceError: If the study cannot be read, or the record cannot be stored.
    """
    store = connect(replace(store_settings, bucket=trial_settings.study.split("/")[2]), create=False)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        stored = study_files.read(folder_store.get(trial_settings.study, Path(scratch) / "study", store_settings))
        trial = _run_trial(trial_settings, stored, store, report, Path(scratch) / "bundle")
    store.put_bytes(
        record_key(trial_settings.study, trial_settings.name), dumps(trial.as_json()).encode(), "application/json"
    )
    return trial


def _run_trial(
    trial_settings: TrialSettings, stored: StoredStudy, store: ObjectStore, report: Reporter, folder: Path
) -> Trial:
    study, experiment = stored.study, stored.experiment
    request = TrialRequest(0, experiment, assignments.parse_values(experiment, texts(trial_settings.parameters)))
    with CrossValidation.on(study.sample, experiment.objective, report) as validate:
        trial = replace(validate(request), name=trial_settings.name)
        if not trial.won:
            return trial
        predictions = validate.predictions(trial)
    best_bundle.save(trial, study, predictions, folder, metric=experiment.objective.metric)
    return replace(trial, bundle=bundle_store.publish(folder, store))


def texts(parameters: str) -> dict[str, str]:
    """Parse the values that Katib has put into a trial's template.

    Raises:
        InputError: If they are not a JSON object.
    """
    try:
        values = json.loads(parameters)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InputError(f"HEADRACE_TRIAL_PARAMETERS must be a JSON object of texts; got {quote(parameters)} instead.")
    return {str(name): str(value) for name, value in values.items()}


def as_job(run_trial: Callable[[], Trial]) -> int:
    """Run a trial as the process of a Job, and return its exit code: 0 if it completed, 2 for a user error, else 1.

    Args:
        run_trial: Runs the trial that the environment names.
    """
    began = time.monotonic()
    try:
        trial = run_trial()
    except HeadraceError as error:
        sys.stderr.write(f"headrace: {error}\n")
        code = 2 if isinstance(error, UserError) else 1
    else:
        sys.stderr.write(f"headrace: {trial.name} {trial.status}: {trial.error or trial.bundle}\n")
        code = 1 if trial.status == "failed" else 0
    time.sleep(max(0.0, LEAST_SECONDS - (time.monotonic() - began)))
    return code


def _from_environment() -> Trial:
    store_settings = require_store("a trial needs the object store of its study")
    return run(settings.trial_settings(), store_settings, Reporter(sys.stdout))


def main() -> int:
    """Run the trial that the environment names; see ``as_job``."""
    return as_job(_from_environment)


if __name__ == "__main__":
    sys.exit(main())
