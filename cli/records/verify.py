"""``headrace verify``: check whether a model is intact, and who signed it."""

import shlex
import tempfile
from pathlib import Path

import typer

from headrace.api.model_reference import resolve_model
from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model
from headrace.cli.options.signature_options import Identity, Issuer, PublicKey

EXAMPLES = """
Examples:

  headrace verify headrace-out/demo

  headrace verify s3://headrace/models/tumours/3f…/ --public-key key.pub

  headrace verify bundle --identity release@example.org --issuer https://accounts.example.org
"""
_WORDS = {"odd": "no file"}


def verify(
    model: Model,
    public_key: PublicKey = "",
    identity: Identity = "",
    issuer: Issuer = "",
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Verify each file of MODEL against its manifest, and list those that are changed, missing or extra."""
    from headrace.core.base.errors import BundleError  # noqa: PLC0415
    from headrace.core.bundles import integrity, manifest, signatures  # noqa: PLC0415 - other commands need none

    trusted = public_key or identity or issuer
    trust = signatures.TrustedSigner(Path(public_key) if public_key else None, identity, issuer) if trusted else None
    location = resolve_model(model)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(location)
        if "://" in location:
            from headrace.stores.bundles.bundle_store import inspect  # noqa: PLC0415 - a folder needs no client

            folder = Path(scratch) / "bundle"
            contents, differences = inspect(location, folder)
        else:
            contents = manifest.read(folder)
            differences = integrity.differences(folder, contents)
        for difference in differences:
            detail = f"  ({difference.detail})" if difference.detail else ""
            typer.echo(f"{_WORDS.get(difference.kind, difference.kind):<9}{difference.path}{detail}")
        if differences:
            count = f"{len(differences)} file{'s are' if len(differences) > 1 else ' is'}"
            raise BundleError(f"the bundle {location} must match its manifest; {count} different: fetch it again.")
        signature = signatures.check(folder, trust).name if trust else ""
    signed = f", signed by {trust} ({signature[:12]})" if trust else ""
    typer.echo(f"{contents.name} {contents.digest}: {len(contents.files)} files, each matches the manifest{signed}.")
    if not trust:
        typer.echo("No signature was checked; --public-key FILE does so.")
    typer.echo(f"\nNext: headrace serve {shlex.quote(model)}")
