"""The options that the commands of the registry share."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.core.base import settings

Model = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")]
VersionName = Annotated[
    str,
    typer.Argument(metavar="VERSION", help="Version, version number, stage, latest, or digest."),
]
Registry = Annotated[
    str,
    typer.Option(
        metavar="URI",
        help="Model registry: a file, or the address of an MLflow server.",
        show_default="HEADRACE_REGISTRY, or headrace-out/registry.db",
    ),
]
Catalog = Annotated[
    str,
    typer.Option(
        metavar="URI",
        help="Catalogue: a file, or postgresql://USER@HOST/DATABASE.",
        show_default="HEADRACE_CATALOG, or headrace-out/catalog.db",
    ),
]
By = Annotated[
    str, typer.Option(metavar="NAME", help="Name of the person who acts.", show_default="HEADRACE_ACTOR, or the user")
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Reason, for the history.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page to this file instead.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def actor_name(by: str) -> str:
    """Return the name of the person who acts."""
    return by.strip() or settings.actor()
