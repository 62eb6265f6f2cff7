"""``headrace registry``: versions of models, which of them are in use, and who decided it."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.registry_options import (
    By,
    Catalog,
    Html,
    Json,
    Limit,
    Model,
    Reason,
    Registry,
    Skip,
    actor_name,
    most_rows,
)
from headrace.cli.output.text_table import latest, left_out
from headrace.cli.records import registry_actions as moves
from headrace.core.base.errors import InputError, MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.registry.models.state import ModelState, ModelVersion

EXAMPLES = """
Examples:

  headrace registry list

  headrace registry show tumours

  headrace registry promote tumours 1.1.0 --stage production --reason "two weeks in staging without errors"

  headrace registry rollback tumours --reason "alarms since noon"
"""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Versions of models: which of them are in use, and who decided it.",
    epilog=EXAMPLES,
)

REGISTER = """
Examples:

  headrace registry register headrace-out/demo

  headrace registry register bundle/ --uri s3://models/models/trips/3f…/ --reason "trained by hand"
"""
LIST = """
Examples:

  headrace registry list

  headrace registry list --registry http://mlflow:5000 --json
"""
SHOW = """
Examples:

  headrace registry show tumours

  headrace registry show tumours --html tumours.html
"""
COMPARE = """
Examples:

  headrace registry compare tumours 1.0.0 1.1.0

  headrace registry compare tumours production latest --html compared.html
"""
HISTORY = """
Examples:

  headrace registry history tumours

  headrace registry history tumours --json
"""

_LATEST_ENTRIES = 8


@app.command(name="register", epilog=REGISTER)
def register(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a run or a bundle, or store URI.")],
    uri: Annotated[
        str, typer.Option(help="Store URI that the bundle is published at.", show_default="from the run")
    ] = "",
    semantic_version: Annotated[
        str, typer.Option("--version", metavar="VERSION", help="Its version, such as 2.0.0.", show_default="derived")
    ] = "",
    reason: Reason = "",
    by: By = "",
    registry: Registry = "",
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Register a published MODEL as a new version; one that is registered already keeps its version."""
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415 - as every command of this module
    from headrace.registry.models.submission import ModelSubmission, bundle_folder, published_at  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        if "://" in model:
            from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - a folder needs no client

            folder, uri = fetch(model, Path(scratch) / "bundle"), uri or model
        else:
            if not Path(model).exists():
                raise MissingError(f"there is no folder {model}; name a run's or a bundle's folder, or a store URI.")
            folder = bundle_folder(Path(model))
            uri = uri or published_at(Path(model))
        submission = ModelSubmission.read(folder, uri=uri)
        version = open_registry(registry).register(
            submission, by=actor_name(by), reason=reason, semantic_version=semantic_version
        )
    typer.echo(
        f"{version.model} {version.full} is registered as number {version.number} "
        f"(verdict: {version.verdict or 'none'})."
    )
    for change in version.facts.get("changes", ()):
        typer.echo(f"  {version.facts['level']}: {change}")
    typer.echo(f"Next: headrace registry promote {version.model} {version.version}")


@app.command(name="list", epilog=LIST)
def list_models(limit: Limit = None, skip: Skip = 0, registry: Registry = "", as_json: Json = False) -> None:
    """List all models, and what is in which stage."""
    from headrace.cli.output.registry_output import models_table  # noqa: PLC0415
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415

    model_registry = open_registry(registry)
    states = model_registry.models()
    most = most_rows(limit, as_json=as_json)
    shown = states[skip : skip + most] if most else states[skip:]
    if as_json:
        typer.echo(json.dumps([_as_json(state, state.versions) for state in shown], indent=1))
        return
    if not states:
        typer.echo(
            f"No model is registered in {model_registry.place} yet. Next: headrace run, or headrace registry register"
        )
        return
    typer.echo(models_table(shown))
    typer.echo(left_out(len(shown), len(states), skip=skip, what="models, by name"), nl=False)
    typer.echo(f"\nNext: headrace registry show {states[0].model}")


@app.command(name="show", epilog=SHOW)
def show(
    model: Model,
    html: Html = None,
    limit: Limit = None,
    skip: Skip = 0,
    registry: Registry = "",
    catalog: Catalog = "",
    as_json: Json = False,
) -> None:
    """Show all versions of MODEL and its latest history; as a page with its metrics, card and lineage too."""
    from headrace.cli.output.registry_output import history_table, versions_table  # noqa: PLC0415
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415

    model_registry = open_registry(registry)
    state = model_registry.model(model)
    if html:
        from headrace.reports.registry.page import write_model_page  # noqa: PLC0415 - matplotlib takes its time

        write_model_page(html, registry=model_registry, state=state, catalog=catalog)
        typer.echo(f"{html} is written: open it in a browser.")
        return
    versions = latest(state.versions, most_rows(limit, as_json=as_json), skip)
    if as_json:
        typer.echo(json.dumps(_as_json(state, versions), indent=1))
        return
    typer.echo(versions_table(versions))
    typer.echo(left_out(len(versions), len(state.versions), skip=skip, what="versions, the latest"), nl=False)
    typer.echo(f"\n{history_table(state, latest(state.entries, _LATEST_ENTRIES))}")
    how = f"`headrace registry history {model}` shows more"
    typer.echo(
        left_out(min(_LATEST_ENTRIES, len(state.entries)), len(state.entries), what="entries, the latest", how=how),
        nl=False,
    )
    typer.echo(f"\nNext: headrace registry show {model} --html {model}.html, headrace registry promote {model} VERSION")


@app.command(name="compare", epilog=COMPARE)
def compare(
    model: Model,
    first: Annotated[str, typer.Argument(metavar="VERSION", help="Version, version number, stage, latest, or digest.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="Version to compare it with.")],
    html: Html = None,
    registry: Registry = "",
) -> None:
    """Show two versions side by side: metrics, data, and what changes for a client."""
    from headrace.cli.output.registry_output import comparison  # noqa: PLC0415
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415
    from headrace.registry.models.version_comparison import compare_versions  # noqa: PLC0415

    model_registry = open_registry(registry)
    state = model_registry.model(model)
    one, other = state.find(first), state.find(second)
    if one == other:
        raise InputError(f"{first} and {second} are the same version of {model}, {one.version}: name two.")
    changes = compare_versions(model_registry, one, other)
    if html:
        from headrace.reports.registry.page import write_comparison_page  # noqa: PLC0415 - as above

        write_comparison_page(html, state=state, versions=(one, other), changes=changes)
        typer.echo(f"{html} is written: open it in a browser.")
        return
    typer.echo(comparison(one, other))
    typer.echo(f"\n  From {one.version} to {other.version} a client notices:")
    for change in changes:
        typer.echo(f"  - {change.kind}: {change.text}")
    if not changes:
        typer.echo("  - nothing: the contract is the same")


@app.command(name="history", epilog=HISTORY)
def history(model: Model, limit: Limit = None, skip: Skip = 0, registry: Registry = "", as_json: Json = False) -> None:
    """Show who did what to MODEL, when and why; the latest comes last."""
    from headrace.cli.output.registry_output import history_table  # noqa: PLC0415
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415

    state = open_registry(registry).model(model)
    entries = latest(state.entries, most_rows(limit, as_json=as_json), skip)
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in entries], indent=1))
        return
    typer.echo(history_table(state, entries))
    typer.echo(left_out(len(entries), len(state.entries), skip=skip, what="entries, the latest"), nl=False)


def _as_json(state: "ModelState", versions: "Sequence[ModelVersion]") -> dict[str, object]:
    plain = [asdict(version) for version in versions]
    return {"model": state.model, "stages": dict(state.stages), "versions": plain}


app.command(name="promote", epilog=moves.PROMOTE)(moves.promote)
app.command(name="rollback", epilog=moves.ROLLBACK)(moves.rollback)
app.command(name="approve", epilog=moves.APPROVE)(moves.approve)
app.command(name="archive", epilog=moves.ARCHIVE)(moves.archive)
app.command(name="policy", epilog=moves.POLICY)(moves.policy)
