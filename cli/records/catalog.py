"""``headrace catalog``: tables with their columns, versions, quality, owners and uses."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.options import table_options
from headrace.cli.options.registry_options import Catalog, Json, Limit, Skip, most_rows
from headrace.cli.output.text_table import align_rows, cut, day, left_out
from headrace.cli.records import whereis
from headrace.core.base.errors import InputError
from headrace.registry.backends.locations import catalog_location

if TYPE_CHECKING:
    from headrace.registry.catalog.database import CatalogDatabase
    from headrace.registry.catalog.queries import TableQuery

EXAMPLES = """
Examples:

  headrace catalog add customers.csv --owner sales --tag gold

  headrace catalog search churn

  headrace catalog show customers

  headrace catalog whereis --column e-mail < keys.txt
"""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Tables: their columns and quality, their owners, and the models trained on them.",
    epilog=EXAMPLES,
)

ADD = """
Examples:

  headrace catalog add heart.csv --owner "cardiology" --licence "CC BY 4.0" --tag gold

  headrace catalog add "postgresql://reader@db/shop#orders" --retention-days 365 --description "orders of the web shop"
"""
LIST = """
Examples:

  headrace catalog list

  headrace catalog list --expired
"""
SHOW = """
Examples:

  headrace catalog show customers

  headrace catalog show customers --json
"""
SEARCH = """
Examples:

  headrace catalog search churn

  headrace catalog search e-mail --owner marketing --since 2026-01-01

  headrace catalog search --tag gold --type timestamp
"""
TAG = """
Examples:

  headrace catalog tag customers gold quarterly

  headrace catalog tag customers --remove quarterly
"""
DESCRIBE = """
Examples:

  headrace catalog describe customers --owner marketing --licence internal --retention-days 730
"""
_Name = Annotated[str, typer.Argument(metavar="TABLE", help="Name of the table in the catalogue, or its source.")]
_Owner = Annotated[
    str | None, typer.Option(help="Person or team that is responsible for the table.", show_default=False)
]
_Licence = Annotated[str | None, typer.Option(help="Licence of the data.", show_default=False)]
_Description = Annotated[str | None, typer.Option(help="Description for people.", show_default=False)]
_Retention = Annotated[int | None, typer.Option(metavar="DAYS", help="Days for which rows may be kept.", min=1)]
_Words = Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Words that must all occur.")]
_Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Tag; repeatable.")]


@app.command(name="add", epilog=ADD)
@table_options.with_training_options("source", "column_names", "header")
def add(
    *,
    owner: _Owner = None,
    licence: _Licence = None,
    description: _Description = None,
    retention_days: _Retention = None,
    tag: _Tags = None,
    options: Mapping[str, Any],
    catalog: Catalog = "",
) -> None:
    """Read TABLE once and record its columns, number of rows and digest; its rows are not stored."""
    from headrace.registry.add_source import add_source  # noqa: PLC0415 - polars is slow to import
    from headrace.registry.catalog.annotations import describe as annotate  # noqa: PLC0415
    from headrace.registry.catalog.annotations import set_tags  # noqa: PLC0415

    database = _open(catalog)
    name = add_source(database, options["source"], options=table_options.read_options(options))
    annotate(
        database,
        name,
        **_parse_annotations(owner=owner, licence=licence, description=description, retention_days=retention_days),
    )
    set_tags(database, name, add=tag or ())
    typer.echo(f"{options['source']} is in the catalogue as {name}.\nNext: headrace catalog show {name}")


@app.command(name="list", epilog=LIST)
def list_tables(
    expired: Annotated[bool, typer.Option("--expired", help="Only tables whose retention period is over.")] = False,
    limit: Limit = None,
    skip: Skip = 0,
    catalog: Catalog = "",
    as_json: Json = False,
) -> None:
    """List all tables, the one read last first."""
    from headrace.registry.catalog.queries import TableQuery  # noqa: PLC0415 - SQLAlchemy takes its time

    _print(_open(catalog), TableQuery(expired=expired), limit=limit, skip=skip, as_json=as_json)


@app.command(name="search", epilog=SEARCH)
def search(
    words: _Words = None,
    tag: _Tags = None,
    owner: Annotated[str, typer.Option(help="Person or team that is responsible for the table.")] = "",
    kind: Annotated[
        str,
        typer.Option("--type", help="Type of the table (csv, parquet, json, sql) or of a column (such as timestamp)."),
    ] = "",
    since: Annotated[str, typer.Option(metavar="DAY", help="Read on that day or later.")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Read on that day or earlier.")] = "",
    limit: Limit = None,
    skip: Skip = 0,
    catalog: Catalog = "",
    as_json: Json = False,
) -> None:
    """Find tables by words in names, sources, descriptions, tags and columns; by tag, owner, type and date."""
    from headrace.registry.catalog.queries import TableQuery  # noqa: PLC0415 - SQLAlchemy takes its time

    query = TableQuery(tuple(words or ()), tuple(tag or ()), owner=owner, type=kind, since=since, until=until)
    _print(_open(catalog), query, limit=limit, skip=skip, as_json=as_json)


@app.command(name="show", epilog=SHOW)
def show(table: _Name, catalog: Catalog = "", as_json: Json = False) -> None:
    """Show TABLE: columns, versions, quality over time, and the models trained on it."""
    from headrace.cli.output.catalog_output import LATEST, table_text  # noqa: PLC0415 - SQLAlchemy takes its time
    from headrace.registry.catalog.queries import count_runs, quality, uses  # noqa: PLC0415
    from headrace.registry.catalog.queries import table as find_table  # noqa: PLC0415

    database = _open(catalog)
    entry = find_table(database, table)
    figures, table_uses = quality(database, entry), uses(database, table=entry, latest_runs=0 if as_json else LATEST)
    if as_json:
        plain = asdict(entry) | {"quality": [asdict(f) for f in figures], "uses": [asdict(use) for use in table_uses]}
        typer.echo(json.dumps(plain, indent=1))
        return
    typer.echo(table_text(entry, figures, table_uses, runs=count_runs(database, table=entry)))


@app.command(name="tag", epilog=TAG)
def tag(
    table: _Name,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Tag to remove; repeatable.")] = None,
    catalog: Catalog = "",
) -> None:
    """Add tags to TABLE, or remove them."""
    from headrace.registry.catalog.annotations import set_tags  # noqa: PLC0415
    from headrace.registry.catalog.queries import table as find_table  # noqa: PLC0415 - SQLAlchemy takes its time

    database = _open(catalog)
    set_tags(database, table, add=tags or (), remove=remove or ())
    typer.echo(f"{table} has the tags {', '.join(find_table(database, table).tags) or '(none)'}.")


@app.command(name="describe", epilog=DESCRIBE)
def describe(
    table: _Name,
    owner: _Owner = None,
    licence: _Licence = None,
    description: _Description = None,
    retention_days: _Retention = None,
    name: Annotated[str | None, typer.Option(help="New name in the catalogue.", show_default=False)] = None,
    catalog: Catalog = "",
) -> None:
    """Record who is responsible for TABLE, its licence, and how long its rows may be kept."""
    from headrace.registry.catalog.annotations import describe as annotate  # noqa: PLC0415 - SQLAlchemy takes its time

    annotations = _parse_annotations(
        owner=owner, licence=licence, description=description, retention_days=retention_days, name=name
    )
    if not annotations:
        raise InputError(
            "something must be described: give --owner, --licence, --description, --retention-days or --name."
        )
    annotate(_open(catalog), table, **annotations)
    typer.echo(f"Next: headrace catalog show {name or table}")


def _open(catalog: str) -> "CatalogDatabase":
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415 - SQLAlchemy takes its time

    return CatalogDatabase(catalog_location(catalog))


def _parse_annotations(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _print(database: "CatalogDatabase", query: "TableQuery", *, limit: int | None, skip: int, as_json: bool) -> None:
    from headrace.registry.catalog.queries import search_page  # noqa: PLC0415 - SQLAlchemy takes its time

    tables, total = search_page(database, query, limit=most_rows(limit, as_json=as_json), skip=skip)
    if as_json:
        typer.echo(json.dumps([asdict(table) for table in tables], indent=1))
        return
    if not total:
        typer.echo("No table matches. `headrace catalog list` shows all.")
        return
    rows = [
        [
            table.name,
            table.kind,
            f"{table.versions[-1].rows:,}" if table.versions else "-",
            len(table.versions),
            day(table.last_seen),
            table.owner or "-",
            ", ".join(table.tags) or "-",
            cut(", ".join(table.personal), 30) or "-",
        ]
        for table in tables
    ]
    head = ("table", "type", "rows", "versions", "last read (UTC)", "owner", "tags", "personal data")
    typer.echo(align_rows(head, rows, right=(2, 3)))
    typer.echo(left_out(len(tables), total, skip=skip, what="tables, the ones read last"), nl=False)
    if tables:
        typer.echo(f"\nNext: headrace catalog show {tables[0].name}")


app.command(name="whereis", epilog=whereis.EXAMPLES)(whereis.whereis)
