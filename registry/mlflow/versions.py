"""Updates MLflow's registered models, versions and aliases to the state of a model's journal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.registry.models.state import STAGES, ModelState, ModelVersion
from headrace.registry.models.submission import ModelSubmission

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST = "headrace.digest"
PULLED_OUT = "headrace.pulled_out"
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


def create(client: "MlflowClient", submission: ModelSubmission, state: ModelState, *, run: str) -> int:
    """Create a version in MLflow for a bundle, or reuse that of a failed attempt, and return its number.

    Args:
        client: The client.
        submission: The bundle.
        state: The state of the journal.
        run: Id of its tracked run; empty for none.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    name = submission.name
    try:
        client.create_registered_model(name, tags={"headrace.task": submission.contract.task})
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
    for existing in client.search_model_versions(f"name = '{name}'"):
        if existing.tags.get(DIGEST) == submission.digest and state.number(int(existing.version)) is None:
            return int(existing.version)
    created = client.create_model_version(
        name,
        submission.uri,
        run_id=run or None,
        tags={DIGEST: submission.digest, "headrace.verdict": submission.verdict},
        await_creation_for=0,
    )
    return int(created.version)


def delete(client: "MlflowClient", name: str, number: int) -> None:
    """Delete a version that no journal names; do nothing if it does not exist."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    try:
        client.delete_model_version(name, str(number))
    except MlflowException as error:
        if error.error_code != _ABSENT:
            raise


def update_projection(client: "MlflowClient", state: ModelState) -> None:
    """Update aliases, tags and descriptions to the state of the journal, where they differ."""
    if not state.versions:
        return
    name = state.model
    model = client.get_registered_model(name)
    aliases = {alias: int(number) for alias, number in dict(model.aliases).items()}
    for stage in STAGES:
        number_in_stage = state.stages.get(stage)
        if number_in_stage is not None and aliases.get(stage) != number_in_stage:
            client.set_registered_model_alias(name, stage, str(number_in_stage))
        # An alias of a version that another tool registered is none of ours.
        elif number_in_stage is None and state.number(aliases.get(stage, 0)) is not None:
            client.delete_registered_model_alias(name, stage)
    by_number = {int(shown.version): shown for shown in client.search_model_versions(f"name = '{name}'")}
    for version in state.versions:
        shown = by_number.get(version.number)
        if shown is None:
            continue
        for key, value in _tags(version, shown.tags).items():
            if shown.tags.get(key) != value:
                client.set_model_version_tag(name, str(version.number), key, value)
        if (shown.description or "") != (text := _description(version)):
            client.update_model_version(name, str(version.number), description=text)


def _tags(version: ModelVersion, shown: Mapping[str, str]) -> dict[str, str]:
    marked = version.pulled_out or PULLED_OUT in shown
    return {
        "headrace.version": version.full,
        DIGEST: version.digest,
        "headrace.verdict": version.verdict,
        "headrace.archived": str(version.archived).lower(),
        "headrace.approved_by": ", ".join(approval.by for approval in version.approvals) or "nobody",
        **({PULLED_OUT: version.pulled_out or "no"} if marked else {}),
    }


def _description(version: ModelVersion) -> str:
    facts = version.facts
    lines = [f"**{version.full}**, {facts.get('family', '')}, verdict *{version.verdict or 'none'}*"]
    lines += [f"- {reason}" for reason in facts.get("reasons", [])]
    if facts.get("changes"):
        lines.append(f"\nA {facts['level']} change:")
        lines += [f"- {text}" for text in facts["changes"]]
    if facts.get("metrics"):
        lines += ["", "| metric | value | 95 % interval |", "|---|---|---|"]
        lines += [
            f"| {name} | {_short(band['value'])} | {_short(band.get('low'))} to {_short(band.get('high'))} |"
            for name, band in facts["metrics"].items()
        ]
    return "\n".join(lines)[:4900]


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
