"""``headrace sign``: sign a model."""

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

  openssl ecparam -name prime256v1 -genkey -noout -out key.pem; openssl ec -in key.pem -pubout -out key.pub
  headrace sign headrace-out/demo --private-key key.pem

  headrace sign s3://headrace/models/tumours/3f…/ --private-key key.pem      (the signature goes into the store too)

  headrace sign headrace-out/demo --keyless      (with the identity of a CI system, or HEADRACE_IDENTITY_TOKEN)
"""


def sign(
    model: Model,
    private_key: Annotated[
        str,
        typer.Option(
            help="Elliptic-curve private key (PEM) to sign with; its password is in HEADRACE_SIGNING_PASSWORD.",
            metavar="FILE",
        ),
    ] = "",
    keyless: Annotated[
        bool, typer.Option("--keyless", help="Sign with an identity instead of a key, through Sigstore.")
    ] = False,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Sign every file of MODEL by OpenSSF model-signing; its digest stays the same."""
    from headrace.core.base import settings  # noqa: PLC0415 - other commands need none
    from headrace.core.base.errors import InputError  # noqa: PLC0415
    from headrace.core.bundles import manifest, signatures  # noqa: PLC0415 - other commands need none
    from headrace.core.bundles.bundle import open_bundle  # noqa: PLC0415

    if bool(private_key) == keyless:
        raise InputError("a model is signed with a key or by an identity; give --private-key FILE or --keyless.")
    signer = signatures.Signer(
        Path(private_key) if private_key else None, settings.signing_password(), settings.identity_token()
    )
    location = resolve_model(model)
    if "://" in location:
        from headrace.stores.bundles.bundle_store import add_signature, fetch  # noqa: PLC0415 - a folder needs no client

        with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            folder = fetch(location, Path(scratch) / "bundle")
            signature = signatures.sign(folder, signer)
            add_signature(location, signature)
    else:
        bundle = open_bundle(Path(location))
        signature = signatures.sign(bundle.folder, signer)
    typer.echo(f"Signed: {location.removesuffix('/')}/{manifest.SIGNATURES}/{signature.name}")
    signed_by = "--public-key FILE" if private_key else "--identity NAME --issuer URL"
    typer.echo(f"\nNext: headrace verify {shlex.quote(model)} {signed_by}")
