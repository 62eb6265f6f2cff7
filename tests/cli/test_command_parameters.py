"""Commands whose options are the fields of a dataclass."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from headrace.cli.options.command_parameters import takes_fields


@dataclass(frozen=True)
class Given:
    """Options of a command that only these tests have."""

    table: Annotated[str, typer.Argument(metavar="TABLE")]
    rows: Annotated[int, typer.Option("--rows", "-r", min=1)] = 5
    quick: Annotated[bool, typer.Option("--quick")] = False


def test_fields_are_options_and_come_as_one_value() -> None:
    """They stand in the place of ``options``; the command's own options are its own."""
    app = typer.Typer(add_completion=False)

    @app.command()
    @takes_fields(Given)
    def command(*, before: str = "", options: Given, after: str = "") -> None:
        """Do something."""
        typer.echo(repr((before, options, after)))

    assert [one.name for one in typer.main.get_command(app).params] == ["before", "table", "rows", "quick", "after"]
    ended = CliRunner().invoke(app, ["t.csv", "-r", "7", "--after", "x"])
    assert ended.output.strip() == repr(("", Given("t.csv", rows=7), "x"))
    assert CliRunner().invoke(app, []).exit_code == 2
    assert CliRunner().invoke(app, ["t.csv", "--rows", "0"]).exit_code == 2
