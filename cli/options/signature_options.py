"""Options that say whose signature a bundle must have."""

from typing import Annotated

import typer

PublicKey = Annotated[str, typer.Option(help="Public key that the signature must match.", metavar="FILE")]
Identity = Annotated[str, typer.Option(help="Identity that must have signed without a key, through Sigstore.")]
Issuer = Annotated[str, typer.Option(help="OpenID Connect issuer of that identity.", metavar="URL")]
