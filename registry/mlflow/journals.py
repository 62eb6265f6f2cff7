"""Writes journals with MLflow's client."""

from typing import TYPE_CHECKING

from headrace.core.base.errors import InputError, quote
from headrace.registry.backends.errors import mlflow_errors
from headrace.registry.backends.locations import RegistryLocation
from headrace.registry.mlflow.base import JOURNAL_TAG, JOURNALS, key
from headrace.registry.mlflow.client import artifact_location

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Makes MLflow's UI show the experiment as training, not as agents.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_EXISTS = "RESOURCE_ALREADY_EXISTS"


def experiment_of(
    client: "MlflowClient", name: str, place: RegistryLocation, *, tags: dict[str, str] | None = None
) -> str:
    """Return the id of the experiment of that name, and create it if it does not exist.

    Args:
        client: The client.
        name: Name of the experiment.
        place: Location of the registry.
        tags: Tags for a new experiment.

    Raises:
        InputError: If it was deleted.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            folder = name.replace(" ", "-")
            return str(client.create_experiment(name, artifact_location(place, folder), tags=tags))
        except MlflowException as error:
            if error.error_code != _EXISTS:  # another writer has just created it
                raise
        experiment = client.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage != "active":
        raise InputError(f"the experiment {quote(name)} in the registry {place} was deleted: restore it in MLflow.")
    return str(experiment.experiment_id)


def journal_run(client: "MlflowClient", name: str, place: RegistryLocation) -> str:
    """Return the id of the run that is the journal of that name, and create it if it does not exist.

    Raises:
        InputError: If an experiment of that name was not created by Headrace.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    with mlflow_errors(place):
        experiment = client.get_experiment_by_name(name)
        if experiment is None or experiment.lifecycle_stage != "active":
            run = _create_journal(client, name, place)
        else:
            run = str(experiment.tags.get(JOURNAL_TAG, ""))
        if not run:
            raise InputError(
                f"the experiment {quote(name)} in the registry {place} was not made by headrace: rename it in MLflow."
            )
        try:
            if client.get_run(run).info.lifecycle_stage == "active":
                return run
        except MlflowException as error:
            raise InputError(
                f"the history of {name} in the registry {place} is gone (run {run}): restore it from a backup."
            ) from error
    raise InputError(f"the history of {name} in the registry {place} was deleted: restore run {run} in MLflow.")


def _create_journal(client: "MlflowClient", name: str, place: RegistryLocation) -> str:
    """Create a journal's run; return that of another writer if it was faster."""
    folder = experiment_of(client, JOURNALS, place, tags=_KIND)
    run = str(client.create_run(folder, run_name=name, tags={"mlflow.source.name": "headrace"}).info.run_id)
    client.set_terminated(run)
    experiment = experiment_of(client, name, place, tags={JOURNAL_TAG: run, **_KIND})
    won = str(client.get_experiment(experiment).tags.get(JOURNAL_TAG, ""))
    if won != run:
        client.delete_run(run)
    return won


def append(client: "MlflowClient", run: str, text: str, *, number: int, place: RegistryLocation) -> bool:
    """Append a text to a journal.

    Args:
        client: The client.
        run: The journal's run.
        text: The text; it must be unique to this writer.
        number: Its number: the number of texts plus one.
        place: Location of the registry.

    Returns:
        Whether it was written; False if another writer has written a text of that number.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    with mlflow_errors(place):
        try:
            client.log_param(run, key(number), text)
        except MlflowException:
            # MLflow reports a taken number with the code of any invalid value, so compare with what is stored now.
            if client.get_run(run).data.params.get(key(number)) in {None, text}:
                raise
            return False
    return True
