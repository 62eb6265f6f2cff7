"""Tracks runs in MLflow: parameters, metrics, data sets, artifacts, and the model."""

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.core.base.json_document import as_json
from headrace.core.contracts.contract import Column
from headrace.registry.models.submission import ModelSubmission

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric

IMPORTED = "headrace.imported"
DIGEST, JOB, LOGGED = "headrace.digest", "headrace.job", "headrace.logged_model"
# Files for people are uploaded to the run; the model itself stays where it is published.
_SHOWN = frozenset({".json", ".md", ".yaml", ".html", ".txt"})
_MOST_BYTES = 2 << 20
_DATASET_DIGITS = 32
_TYPES = {
    "integer": "long",
    "number": "double",
    "string": "string",
    "boolean": "boolean",
    "timestamp": "datetime",
    "picture": "string",
}


def track(client: "MlflowClient", submission: ModelSubmission, *, experiment_id: str, by: str, job: str) -> str:
    """Track the run that made a bundle; complete and reuse an existing run of the same job and digest.

    Args:
        client: The client.
        submission: The bundle.
        experiment_id: Id of the experiment.
        by: Who ran it.
        job: Id of the pipeline's run.

    Returns:
        Id of the run.
    """
    from mlflow.entities import Param  # noqa: PLC0415 - the client has imported it

    filter_string = f"tags.`{DIGEST}` = '{submission.digest}'" + (f" and tags.`{JOB}` = '{_word(job)}'" if job else "")
    existing = client.search_runs([experiment_id], filter_string)
    if existing and existing[0].info.status == "FINISHED":
        return str(existing[0].info.run_id)
    run = (
        existing[0]
        if existing
        else client.create_run(experiment_id, tags=_tags(submission, by, job), run_name=_name(submission))
    )
    identity = str(run.info.run_id)
    inputs = _inputs(submission)
    if inputs:
        client.log_inputs(identity, datasets=inputs)
    logged = run.data.tags.get(LOGGED) or _logged_model(client, submission, experiment_id, identity)
    parameters = [Param(name, str(value)[:500]) for name, value in _parameters(submission).items()]
    for first in range(0, len(parameters), 100):
        client.log_batch(identity, params=parameters[first : first + 100])
    client.log_batch(identity, metrics=_metrics(submission, logged, inputs))
    _artifacts(client, identity, submission.folder)
    client.set_terminated(identity)
    return identity


def _word(text: str) -> str:
    """Return a text without the characters that would break a filter of MLflow."""
    return "".join(letter for letter in text if letter.isalnum() or letter in "-_.")


def _name(submission: ModelSubmission) -> str:
    return f"{submission.model.get('family', 'model')}-{submission.digest[:8]}"


def _tags(submission: ModelSubmission, by: str, job: str) -> dict[str, str]:
    imported = submission.provenance.imported
    origin = {f"{IMPORTED}.{name}": value for name, value in as_json(imported).items() if value} if imported else {}
    return {
        **origin,
        "mlflow.user": by,
        "mlflow.source.name": submission.provenance.made_with,
        "mlflow.source.type": "JOB",
        "mlflow.note.content": f"Verdict: **{submission.verdict or 'none'}**\n\n"
        + "\n".join(f"- {r}" for r in submission.reasons),
        DIGEST: submission.digest,
        **({JOB: _word(job)} if job else {}),
        "headrace.verdict": submission.verdict,
        "headrace.uri": submission.uri,
    }


def _logged_model(client: "MlflowClient", submission: ModelSubmission, experiment: str, run: str) -> str:
    """Create the run's logged model, to which MLflow's UI ties metrics and data; return its id."""
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415 - the client has imported it

    model = client.create_logged_model(
        experiment,
        name=submission.name,
        source_run_id=run,
        model_type=str(submission.model.get("family", "")),
        params={name: str(value)[:500] for name, value in dict(submission.model.get("parameters", {})).items()},
        tags={DIGEST: submission.digest, "headrace.uri": submission.uri},
    )
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run, models=[LoggedModelOutput(model.model_id, step=0)])
    client.set_tag(run, LOGGED, model.model_id)
    return str(model.model_id)


def _parameters(submission: ModelSubmission) -> dict[str, Any]:
    search = as_json(submission.provenance.search)
    own = {f"model.{name}": value for name, value in dict(submission.model.get("parameters", {})).items()}
    return {
        "family": submission.model.get("family", ""),
        "task": submission.contract.task,
        "target": submission.contract.label_column.name if submission.contract.label_column else "",
        "seed": submission.provenance.seed,
        **{f"search.{name}": search[name] for name in ("metric", "score", "folds") if name in search},
        **own,
    }


def _metrics(submission: ModelSubmission, logged: str, inputs: list["DatasetInput"]) -> list["Metric"]:
    from mlflow.entities import Metric  # noqa: PLC0415 - the client has imported it

    if not inputs:
        return []
    now = int(time.time() * 1000)
    tested = inputs[-1].dataset

    def metric(name: str, value: float) -> Metric:
        return Metric(
            name,
            float(value),
            now,
            0,
            model_id=logged,
            dataset_name=tested.name,
            dataset_digest=tested.digest,
            run_id=None,
        )

    metrics = []
    for name, interval in submission.metrics.metrics.items():
        metrics.append(metric(name, interval.value))
        metrics += [metric(f"{name}_low", interval.low), metric(f"{name}_high", interval.high)]
    metrics += [metric(f"baseline_{name}", value) for name, value in submission.metrics.baseline.metrics.items()]
    return metrics


def _inputs(submission: ModelSubmission) -> list["DatasetInput"]:
    """Return the training part and the test part of the table as inputs of the run; none for an imported model."""
    from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415 - the client has imported it

    if submission.provenance.imported:
        return []  # nobody knows its rows
    table, rows = submission.provenance.table, submission.metrics.rows
    steps = submission.provenance.steps or {}
    name = table.source or "table"
    whole = table.digest or submission.digest
    columns = json.dumps({"mlflow_colspec": [_column(column) for column in submission.contract.typed_columns]})
    inputs = []
    for part, context in (("train", "training"), ("test", "evaluation")):
        digest = str(steps.get(f"split.{part}_table", "")) or whole
        dataset = Dataset(
            name=f"{name} ({part})"[:500],
            digest=digest[:_DATASET_DIGITS],
            source_type="headrace",
            source=json.dumps({"uri": name, "digest": whole}),
            schema=columns,
            profile=json.dumps({"num_rows": getattr(rows, part), "table_rows": table.rows}),
        )
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", context)]))
    return inputs


def _column(column: Column) -> dict[str, Any]:
    return {"name": column.name, "type": _TYPES[column.dtype], "required": column.missing == 0}


def _artifacts(client: "MlflowClient", run: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        for path in sorted(folder.iterdir()):
            if path.suffix in _SHOWN and path.stat().st_size <= _MOST_BYTES:
                shutil.copyfile(path, Path(scratch) / path.name)
        client.log_artifacts(run, scratch)
