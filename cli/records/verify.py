"""``headrace verify``: whether a model is intact, and whose it is."""

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from headrace.api.model_reference import resolve_model
from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model

EXAMPLES = """
Examples:

  headrace verify headrace-out/demo

  headrace verify s3://headrace/models/tumours/3f…/ --key key.pub

  headrace verify bundle --identity release@example.org --issuer https://accounts.example.org
"""
_WORDS = {"odd": "no file"}


def verify(
    model: Model,
    key: Annotated[str, typer.Option(help="Public key that must have signed it.", metavar="FILE")] = "",
    identity: Annotated[str, typer.Option(help="Identity that must have signed it without a key.")] = "",
    issuer: Annotated[str, typer.Option(help="Who vouches for that identity.", metavar="URL")] = "",
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Say of each file of MODEL that is not what the manifest says whether it is changed, missing or extra."""
    from headrace.core.base.errors import BundleError  # noqa: PLC0415
    from headrace.core.bundles import integrity, manifest, signatures  # noqa: PLC0415 - other commands need none

    trusted = key or identity or issuer
    trust = signatures.TrustedSigner(Path(key) if key else None, identity, issuer) if trusted else None
    named = resolve_model(model)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(named)
        if "://" in named:
            from headrace.stores.bundles.bundle_store import inspect  # noqa: PLC0415 - a folder needs no client

            folder = Path(scratch) / "bundle"
            made, found = inspect(named, folder)
        else:
            made = manifest.read(folder)
            found = integrity.differences(folder, made)
        for one in found:
            typer.echo(f"{_WORDS.get(one.kind, one.kind):<9}{one.path}{f'  ({one.detail})' if one.detail else ''}")
        if found:
            count = f"{len(found)} file{'s are' if len(found) > 1 else ' is'}"
            raise BundleError(f"the bundle {named} must hold what its manifest says; {count} not: fetch it again.")
        signature = signatures.check(folder, trust).name if trust else ""
    signed = f", signed by {trust} ({signature[:12]})" if trust else ""
    typer.echo(f"{made.name} {made.digest}: {len(made.files)} files, each as the manifest says{signed}.")
    if not trust:
        typer.echo("Whose it is was not asked; --key FILE checks a signature.")
    typer.echo(f"\nNext: headrace serve {shlex.quote(model)}")
