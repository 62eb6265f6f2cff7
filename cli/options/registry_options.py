"""The options that the commands of the registry share."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.core.base import settings

MOST_ROWS = 200
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
Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, help="Most rows to show; 0 for all.", show_default=f"{MOST_ROWS}, or all with --json"
    ),
]
Skip = Annotated[int, typer.Option(metavar="N", min=0, help="Number of rows to pass over first.", show_default=False)]


def most_rows(limit: int | None, *, as_json: bool) -> int:
    """Return the most rows to show, 0 for all: a person gets a screen or a few, a program all."""
    return limit if limit is not None else 0 if as_json else MOST_ROWS


def actor_name(by: str) -> str:
    """Return the name of the person who acts."""
    return by.strip() or settings.actor()
