"""The options that the commands of the registry share."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.core.base import settings

Model = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")]
VersionName = Annotated[
    str,
    typer.Argument(metavar="VERSION", help="A version, a number, a stage, latest, or a digest."),
]
Registry = Annotated[
    str,
    typer.Option(
        metavar="PLACE",
        help="A file, or the address of an MLflow server.",
        show_default="HEADRACE_REGISTRY, or headrace-out/registry.db",
    ),
]
Catalog = Annotated[
    str,
    typer.Option(
        metavar="PLACE",
        help="A file, or postgresql://USER@HOST/DATABASE.",
        show_default="HEADRACE_CATALOG, or headrace-out/catalog.db",
    ),
]
By = Annotated[str, typer.Option(metavar="NAME", help="Who acts.", show_default="HEADRACE_ACTOR, or the user")]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page instead.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks.")]


def who(by: str) -> str:
    """Return the name of the person who acts."""
    return by.strip() or settings.actor()
