"""What the guides and the README write of the command line is what it takes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from headrace.cli.main import app
from tests.conftest import REPOSITORY, headrace

ROOT = REPOSITORY
PAGES = [ROOT / "README.md", ROOT / "docs" / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
_COMMAND = re.compile(r"\bheadrace ((?:[a-z-]+ ?)+)([^|;&`]*)")
_OPTION = re.compile(r"(?<!\S)(--[a-z-]+|-[a-zA-Z])\b")


def _commands() -> dict[str, Any]:
    """Every command by its name."""
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def _walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every group and every command, however deep, with the words that name it."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk(below, (*words, name))


def _wrong_options(line: str) -> list[str]:
    """What a line gives a command that it does not take."""
    wrong = []
    for words, rest in _COMMAND.findall(line):
        first, *others = words.split()
        command = _commands().get(first)
        if command is None:
            wrong.append(f"{first}: {line}")
            continue
        below = getattr(command, "commands", {})
        # A group may have a command that is meant where none is named.
        found = below.get(others[0], below.get("run", command)) if others else command
        wrong += [f"{option}: {line}" for option in _OPTION.findall(rest) if option not in _options(found)]
    return wrong


def _options(command: Any) -> set[str]:
    return {"--help"} | {text for one in command.params for text in (*one.opts, *one.secondary_opts)}


def _lines(page: Path) -> Iterator[str]:
    """The lines of a page's blocks of code, and what it writes as code between words."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (line.partition("  #")[0] for line in block.replace("\\\n", " ").splitlines())
    yield from re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT).with_suffix("")))
def test_a_command_has_the_options_that_a_page_gives_it(page: Path) -> None:
    """Each command and each option in a page is one of the command line's."""
    assert not [wrong for line in _lines(page) for wrong in _wrong_options(line)]


def test_help_has_examples_that_the_command_line_takes() -> None:
    """Of every group and every command, however deep: its own name, and options that it has."""
    for words, command in _walk(typer.main.get_command(app)):
        # `headrace monitor run` is what `headrace monitor` means.
        name = " ".join(("headrace", *(words[:-1] if words[1:] == ("run",) else words)))
        _, separator, examples = (command.epilog or "").partition("Examples:")
        assert separator, name
        assert name in examples, name
        lines = [" ".join(part.split()) for part in examples.split("\n\n") if part.strip().startswith("headrace ")]
        assert lines, name
        assert not [wrong for line in lines if "COMMAND" not in line for wrong in _wrong_options(line)], name


def test_run_searches_with_the_options_of_tune() -> None:
    """The guide says so; what `tune` has beside is for a pipeline as trial."""
    commands = _commands()
    assert _options(commands["tune"]) - _options(commands["run"]) == {"--argument"}


def test_the_version_is_told() -> None:
    """By itself, whatever else stands there."""
    from importlib.metadata import version

    for words in (["--version"], ["--version", "run"]):
        ended = headrace(*words)
        assert (ended.returncode, ended.stdout) == (0, f"headrace {version('headrace')}\n"), ended.stderr


@pytest.mark.parametrize("command", ["run", "tune"])
def test_options_of_a_search_are_checked_at_once(command: str, tmp_path: Path) -> None:
    """Two budgets, and a namespace for a search that runs here, are refused in one sentence."""
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    for options, says in (
        (["--max-trials", "3", "--budget", "5m"], "--max-trials and --budget must not both be given"),
        (
            ["--namespace", "team-a"],
            "--namespace says where a search on Katib runs; got 'team-a' without --tuner katib",
        ),
    ):
        ended = headrace(command, str(tmp_path / "t.csv"), "--target", "b", *options)
        assert ended.returncode == 2
        assert says in ended.stderr
