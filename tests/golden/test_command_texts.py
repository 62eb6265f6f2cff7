"""The files from which ``headrace`` answers at once are what its commands say; ``make compiled`` renews them."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer._click.shell_completion import ShellComplete

from headrace.cli import main, start

TEXTS = Path(__file__).parents[2] / "cli" / "texts"


def _paths(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command and each group of them, by the words that name it."""
    command = command or typer.main.get_command(main.app)
    yield path, command
    for name in getattr(command, "commands", {}):
        yield from _paths(command.commands[name], (*path, name))


PATHS = dict(_paths())


class _Completion(ShellComplete):
    name, source_template = "test", ""

    def source_vars(self) -> dict[str, Any]:
        raise NotImplementedError

    def get_completion_args(self) -> tuple[list[str], str]:
        raise NotImplementedError

    def format_completion(self, item: Any) -> str:
        return str(item.value)


def _typers(words: list[str], word: str) -> list[tuple[str, str]]:
    """What Typer itself completes."""
    found = _Completion(PATHS[()], {}, "headrace", start.COMPLETE).get_completions(words, word)
    return [(str(item.value), " ".join((item.help or "").split())) for item in found if item.type == "plain"]


def _shown(words: tuple[str, ...]) -> str:
    """The help that a command writes to a terminal of 80 characters or more; Click's runner has a width of its own."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        patch.setenv("COLUMNS", "100")
        main.app([*words, "--help"], prog_name="headrace")
    return output.getvalue()


def _rows() -> Iterator[str]:
    """A line for each name that completes a word: the words before it, its kind, the name, what it means."""
    for path, command in PATHS.items():
        for kind in ("", "-") if hasattr(command, "commands") else ("-",):
            for value, text in _typers(list(path), kind):
                yield "\t".join((" ".join(path), kind, value, text))


def test_help_is_what_the_commands_say(request: pytest.FixtureRequest) -> None:
    """Each file holds the help of one command, and no command lacks one."""
    said = {f"{'.'.join(path) or 'headrace'}.txt": _shown(path) for path in PATHS}
    if request.config.getoption("--rewrite"):
        for old in (TEXTS / "help").glob("*.txt"):
            old.unlink()
        for name, text in said.items():
            (TEXTS / "help" / name).write_text(text)
    assert {path.name: path.read_text() for path in (TEXTS / "help").glob("*.txt")} == said


def test_completions_are_those_of_typer(request: pytest.FixtureRequest) -> None:
    """The file holds the names of commands and options, in Typer's order."""
    text = "".join(f"{row}\n" for row in _rows())
    if request.config.getoption("--rewrite"):
        (TEXTS / "completions.tsv").write_text(text)
    assert (TEXTS / "completions.tsv").read_text() == text
