"""``headrace catalog whereis``: find all data held about a person."""

import json
import sys
from dataclasses import asdict
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options.registry_options import Catalog, Json
from headrace.cli.output.text_table import align_rows
from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError
from headrace.registry.backends.locations import catalog_location

EXAMPLES = """
Examples:

  headrace catalog whereis --column e-mail < keys.txt

  headrace catalog whereis --column customer_id --keys keys.txt --logs /var/log/headrace

Keys are read from standard input or a file, one a line, so that no shell history holds them; they are neither stored
nor shown.
"""


def whereis(
    column: Annotated[str, typer.Option(metavar="COLUMN", help="Column that names a person, such as e-mail.")],
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File of keys, one a line.", show_default="standard input")
    ] = None,
    logs: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="Log file or folder of logs to search too; repeatable.")
    ] = None,
    sources: Annotated[bool, typer.Option(help="Whether the sources of the tables are searched too.")] = True,
    catalog: Catalog = "",
    as_json: Json = False,
) -> None:
    """Find the tables, bundles and logs that hold rows of people, to answer requests for access or erasure."""
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415 - SQLAlchemy takes its time
    from headrace.registry.catalog.subject_search import SubjectKeys  # noqa: PLC0415
    from headrace.registry.catalog.subject_search import search as find  # noqa: PLC0415
    from headrace.registry.catalog.writes import add_inquiry  # noqa: PLC0415

    database = CatalogDatabase(catalog_location(catalog))
    subjects = SubjectKeys(column, _keys(keys))
    places = list(find(database, subjects, logs=logs or (), sources=sources))
    holding = sum(bool(place.rows) for place in places)
    add_inquiry(database, person=settings.actor(), column=column, keys=len(subjects.values), found=holding)
    if as_json:
        typer.echo(json.dumps([asdict(place) for place in places], indent=1))
        return
    if places:
        rows = [[place.kind, place.rows or "-", place.address, place.note] for place in places]
        typer.echo(align_rows(("what", "rows", "where", "note"), rows, right=(1,)) + "\n")
    typer.echo(f"{holding} places hold rows of {len(subjects.values)} people, by {column}.")
    typer.echo(
        "Erase them there, train again on the remaining rows, and archive the versions that were trained on them."
    )


def _keys(path: Path | None) -> list[str]:
    if path is None and sys.stdin.isatty():
        return [getpass("Key (not shown): ")]
    try:
        return (path.read_text(encoding="utf-8") if path else sys.stdin.read()).splitlines()
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path or 'standard input'} must be a text file of keys, one a line.") from error
