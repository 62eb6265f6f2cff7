"""What the program answers before it imports a command: the same as its commands, or nothing."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer._completion_classes import BashComplete

from headrace.cli import start
from tests.golden.test_command_texts import PATHS


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 100 characters, and no shell that asks for completions."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv(start.COMPLETE, raising=False)


@pytest.mark.parametrize(
    "arguments", [["--help"], [], ["run", "--help"], ["registry", "list", "--help"], ["--version"]]
)
def test_the_program_answers_without_typer(arguments: list[str]) -> None:
    """Help and the version are told before Typer, or anything slow, is imported."""
    program = (
        f"import sys; sys.argv = ['headrace', *{arguments}]\nfrom headrace.cli import start\n"
        "try: start.main()\nfinally: sys.stderr.write(' '.join(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == (0 if arguments else 2)
    assert "headrace" in (ended.stdout or ended.stderr)
    assert not {"typer", "headrace.cli.main", "pathlib", "json"} & set(ended.stderr.rpartition("\n")[2].split())


def test_help_in_a_narrow_terminal_is_left_to_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines break elsewhere."""
    assert start.answer(["--help"])
    monkeypatch.setenv("COLUMNS", "79")
    assert start.answer(["--help"]) is None
    assert start.answer([]) is None


@pytest.mark.parametrize(
    "arguments",
    [["scor"], ["run"], ["run", "t.csv", "--help"], ["..", "--help"], ["registry", "lst", "--help"], ["--verbose"]],
)
def test_what_is_no_plain_question_is_left_to_the_commands(arguments: list[str]) -> None:
    """A wrong name, a name without its arguments, and help amid other words."""
    assert start.answer(arguments) is None


def test_the_version_is_that_of_the_installed_package() -> None:
    """As its metadata say."""
    assert start.answer(["--version"]) == f"headrace {version('headrace')}"


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_word_is_completed_as_typer_completes_it(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """By each first letters of each name, or it is left to Typer."""
    bash = BashComplete(PATHS[()], {}, "headrace", start.COMPLETE)
    rows = (Path(start.__file__).parent / "texts" / "completions.tsv").read_text().splitlines()
    names = [name for row in rows for words, _, name, _ in [row.split("\t")] if words == " ".join(path)][:4]
    beginnings = {"", "-", "--", "zz", "--zz", "x=1", *(name[:end] for name in names for end in (1, 4))}
    answered = 0
    for word in sorted(beginnings):
        line = " ".join(("headrace", *path, word))
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(path) + 1))
        told = start.completions("complete_bash", {"COMP_WORDS": line, "COMP_CWORD": str(len(path) + 1)})
        if told is not None:
            answered += 1
            assert told == bash.complete(), line
    assert answered > 3


def test_shells_get_names_with_what_they_mean() -> None:
    """In the form that Typer's functions for zsh and fish expect."""
    zsh = start.completions("complete_zsh", {"_TYPER_COMPLETE_ARGS": "headrace run --tas"})
    text = "binary, multiclass, regression, or anomaly, which needs no target."
    assert zsh == f"""_arguments '*: :(("--task":"Kind of task\\\\: {text}"))'"""
    fish = {"_TYPER_COMPLETE_ARGS": "headrace run --tas", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert start.completions("complete_fish", fish) == f"--task\tKind of task: {text}"


@pytest.mark.parametrize(
    "environment",
    [
        {"COMP_WORDS": "headrace run 'a b' --t", "COMP_CWORD": "3"},
        {"COMP_WORDS": "headrace run --target", "COMP_CWORD": "x"},
        {"COMP_WORDS": "headrace run t.csv --target ", "COMP_CWORD": "4"},
    ],
)
def test_words_that_need_more_than_a_list_are_left_to_typer(environment: dict[str, str]) -> None:
    """Quotes, values, and words that follow others."""
    assert start.completions("complete_bash", environment) is None


def test_typer_completes_what_is_left_to_it() -> None:
    """Typer 0.29 knows no shell where a program adds no options for completion, so that it is told of them."""
    shells: dict[str, Any] = {"COMP_WORDS": "headrace run t.csv --tas", "COMP_CWORD": "3"}
    program = "import sys; sys.argv = ['headrace']; from headrace.cli.start import main; main()"
    environment = {start.COMPLETE: "complete_bash", "PATH": "/usr/bin:/bin", **shells}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert (ended.returncode, ended.stdout) == (0, "--task\n"), ended.stderr
