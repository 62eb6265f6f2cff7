"""Commands whose options are the fields of a dataclass."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from headrace.cli import main
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


def _all_commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name in below:
        yield from _all_commands(below[name], f"{path} {name}")


def test_an_option_has_one_type_in_all_commands() -> None:
    """Whoever knows ``--json`` of one command knows it of all: a flag, a value, or several."""
    kinds: dict[str, dict[tuple[Any, ...], list[str]]] = {}
    for path, command in _all_commands(typer.main.get_command(main.app), "headrace"):
        for one in command.params:
            for name in (name for name in one.opts if name.startswith("--")):
                kind = (one.is_flag, one.multiple)
                kinds.setdefault(name, {}).setdefault(kind, []).append(path)
    assert {"--json", "--namespace", "--output"} <= set(kinds)
    by_step = {"--cpu", "--memory"}  # of a pod, or for steps by their names too: one value means the same in both
    # Sources of a collector, and the one topic of a stream; what a model predicts, and what a service promises.
    several = {"--from", "--objective"}
    assert {name: found for name, found in kinds.items() if len(found) > 1 and name not in by_step | several} == {}


def test_compile_and_submit_take_the_same_options_of_steps() -> None:
    """They are written in one place."""
    commands = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]
    fields = {"cpu", "memory", "gpu", "timeout", "retries", "cache", "node_selector", "toleration", "image"}
    both = [
        {one.name: (one.opts, one.help) for one in commands[name].params if one.name in fields}
        for name in ("compile", "submit")
    ]
    assert both[0] == both[1]
    assert set(both[0]) == fields
