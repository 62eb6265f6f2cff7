"""The commands that move versions of models between stages, and the policy for it."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from headrace.cli.options.registry_options import By, Model, Reason, Registry, VersionName, actor_name

PROMOTE = """
Examples:

  headrace registry promote tumours 1.1.0

  headrace registry promote tumours latest --stage production --reason "two weeks in staging without errors"
"""
ROLLBACK = """
Examples:

  headrace registry rollback tumours --reason "alarms since noon"

  headrace registry rollback tumours --to-version 1.0.0 --reason "1.1.0 and 1.2.0 misread the unit"
"""
APPROVE = """
Examples:

  headrace approve tumours 1.1.0 --reason "read the report, tried the slices"

  headrace registry approve tumours latest --reason "the same, with the other commands of the registry"

  headrace approve tumours 1.1.0 --pull-out --reason "the labels of yesterday are right"
"""
ARCHIVE = """
Examples:

  headrace registry archive tumours 1.0.0 --reason "trained on withdrawn data"

  headrace registry archive tumours 1.0.0 --undo --reason "the data are back"
"""
POLICY = """
Examples:

  headrace registry policy

  headrace registry policy --set policy.yaml --reason "two approvals from now on"

A policy is a YAML file; what is left out has the value shown here:

  format: 1
  production:
    verdicts: [promote]            accepted verdicts of the gate: promote, hold
    requires_stage: ""             stage that the version must have been in before, such as staging
    approvals: 0                   number of people who must approve
    exclude_self_approval: true    whether the approval of the person who promotes does not count
"""
_Stage = Annotated[
    str,
    typer.Option(
        metavar="STAGE", help="Stage of the model: development, staging or production.", show_default="the next one"
    ),
]
_Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, for the history.")]


def promote(
    model: Model,
    version: VersionName,
    stage: _Stage = "",
    reason: Reason = "",
    by: By = "",
    registry: Registry = "",
) -> None:
    """Put VERSION of MODEL into a stage, if the gate and the policy allow it."""
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415
    from headrace.registry.models import transitions  # noqa: PLC0415 - as every command of this module

    model_registry = open_registry(registry)
    target_stage = stage or transitions.next_stage(model_registry.model(model).find(version))
    before = model_registry.model(model).stage(target_stage)
    promoted = model_registry.promote(model, version, stage=target_stage, by=actor_name(by), reason=reason)
    if before and before.number == promoted.number:
        typer.echo(f"{model} {promoted.version} is in {target_stage} already.")
        return
    instead = f", instead of {before.version}" if before else ""
    typer.echo(f"{model} {promoted.version} is in {target_stage}{instead}: {promoted.uri}")
    if before:
        typer.echo(f'Next, if it fails: headrace registry rollback {model} --stage {target_stage} --reason "..."')


def rollback(
    model: Model,
    reason: _Why,
    to_version: Annotated[
        str, typer.Option(metavar="VERSION", help="Version to roll back to.", show_default="the previous one")
    ] = "",
    stage: Annotated[
        str, typer.Option(metavar="STAGE", help="Stage of the model: development, staging or production.")
    ] = "production",
    by: By = "",
    registry: Registry = "",
) -> None:
    """Put an earlier version of MODEL back into a stage."""
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415

    restored = open_registry(registry).rollback(
        model, to_version=to_version, stage=stage, by=actor_name(by), reason=reason
    )
    typer.echo(f"{model} {restored.version} is back in {stage}: {restored.uri}")


def approve(
    model: Model,
    version: VersionName,
    reason: _Why,
    *,
    pull_out: Annotated[
        bool, typer.Option("--pull-out", help="Approve of the latest decision to pull VERSION out instead.")
    ] = False,
    by: By = "",
    registry: Registry = "",
) -> None:
    """Record that you approve of VERSION of MODEL, and why."""
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415

    who = actor_name(by)
    approved = open_registry(registry).approve(model, version, by=who, reason=reason, pull_out=pull_out)
    if pull_out:
        typer.echo(f"The pull-out of {model} {approved.version} is approved by {who}.")
        typer.echo("Next: the same headrace pull-out again")
        return
    names = ", ".join(approval.by for approval in approved.approvals)
    typer.echo(f"{model} {approved.version} is approved by {names}.")
    typer.echo(
        f"Next: headrace registry promote {model} {approved.version}, or, if a retraining made it and waits, the same "
        "headrace retrain again"
    )


def archive(
    model: Model,
    version: VersionName,
    reason: _Why,
    undo: Annotated[bool, typer.Option("--undo", help="Restore the version instead.")] = False,
    by: By = "",
    registry: Registry = "",
) -> None:
    """Archive VERSION of MODEL: it enters no stage until it is restored."""
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415

    model_registry = open_registry(registry)
    change = model_registry.restore if undo else model_registry.archive
    changed = change(model, version, by=actor_name(by), reason=reason)
    typer.echo(f"{model} {changed.version} is {'archived' if changed.archived else 'in use'}.")


def policy(
    set_to: Annotated[Path | None, typer.Option("--set", metavar="FILE", help="File with the new policy.")] = None,
    reason: Reason = "",
    by: By = "",
    registry: Registry = "",
) -> None:
    """Show the requirements of the stages, or change them; the registry records who changed them."""
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415
    from headrace.registry.models.policy import load  # noqa: PLC0415

    model_registry = open_registry(registry)
    if set_to:
        model_registry.set_policy(load(set_to), by=actor_name(by), reason=reason)
    typer.echo(yaml.safe_dump(model_registry.policy().as_json(), sort_keys=False, default_flow_style=None).rstrip())
    for entry in model_registry.policy_entries()[-1:]:
        typer.echo(f"# set by {entry.by}, {entry.time}{f': {entry.reason}' if entry.reason else ''}")
