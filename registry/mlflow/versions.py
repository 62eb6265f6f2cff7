"""MLflow's registered models, versions and aliases, made to show what a model's journal says."""

from typing import TYPE_CHECKING

from headrace.registry.models.state import STAGES, ModelState, ModelVersion
from headrace.registry.models.submission import ModelSubmission

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST = "headrace.digest"
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


def create(client: "MlflowClient", submission: ModelSubmission, state: ModelState, *, run: str) -> int:
    """A version in MLflow for a bundle, and its number; one that a broken attempt left behind is taken.

    Args:
        client: The client.
        submission: The bundle.
        state: What the journal says.
        run: Identity of its tracked run; empty for none.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    name = submission.name
    try:
        client.create_registered_model(name, tags={"headrace.task": submission.contract.task})
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
    for found in client.search_model_versions(f"name = '{name}'"):
        if found.tags.get(DIGEST) == submission.digest and state.number(int(found.version)) is None:
            return int(found.version)
    made = client.create_model_version(
        name,
        submission.uri,
        run_id=run or None,
        tags={DIGEST: submission.digest, "headrace.verdict": submission.verdict},
        await_creation_for=0,
    )
    return int(made.version)


def delete(client: "MlflowClient", name: str, number: int) -> None:
    """Take away a version that no journal names; nothing happens if it is gone."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - the client has imported it

    try:
        client.delete_model_version(name, str(number))
    except MlflowException as error:
        if error.error_code != _ABSENT:
            raise


def show(client: "MlflowClient", state: ModelState) -> None:
    """Bring aliases, tags and descriptions to what the journal says; what is right is left alone."""
    if not state.versions:
        return
    name = state.model
    model = client.get_registered_model(name)
    aliases = {alias: int(number) for alias, number in dict(model.aliases).items()}
    for stage in STAGES:
        wanted = state.stages.get(stage)
        if wanted is not None and aliases.get(stage) != wanted:
            client.set_registered_model_alias(name, stage, str(wanted))
        elif wanted is None and stage in aliases:
            client.delete_registered_model_alias(name, stage)
    known = {int(found.version): found for found in client.search_model_versions(f"name = '{name}'")}
    for version in state.versions:
        found = known.get(version.number)
        if found is None:
            continue
        for key, value in _tags(version).items():
            if found.tags.get(key) != value:
                client.set_model_version_tag(name, str(version.number), key, value)
        if (found.description or "") != (text := _description(version)):
            client.update_model_version(name, str(version.number), description=text)


def _tags(version: ModelVersion) -> dict[str, str]:
    return {
        "headrace.version": version.full,
        DIGEST: version.digest,
        "headrace.verdict": version.verdict,
        "headrace.archived": str(version.archived).lower(),
        "headrace.approved_by": ", ".join(approval.by for approval in version.approvals) or "nobody",
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
            f"| {name} | {_short(found['value'])} | {_short(found.get('low'))} to {_short(found.get('high'))} |"
            for name, found in facts["metrics"].items()
        ]
    return "\n".join(lines)[:4900]


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
