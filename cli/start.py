"""The program ``headrace``: help and completions from files that lie ready, everything else by ``headrace.cli.main``.

Importing Typer takes longer than a person should wait for a Tab. ``make compiled`` writes the files below ``texts``,
and a test holds them equal to what the commands themselves say. This module imports nothing that the interpreter
has not.
"""

import os
import sys

TYPE_CHECKING = False  # that of typing would import it
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_TEXTS = f"{__file__.removesuffix('start.py')}texts"
# Click breaks lines after 80 characters at the latest, so that all wider terminals show the same text.
WIDTH = 80
_PROGRAM = "headrace"
COMPLETE = "_HEADRACE_COMPLETE"
_SHELLS = ("complete_bash", "complete_zsh", "complete_fish")
_QUOTES = frozenset("\"'\\")


def main() -> None:
    """Answer from the files if they have the answer, else run the command."""
    program, *arguments = sys.argv
    text = answer(arguments) if program.rpartition("/")[2] == _PROGRAM else None
    if text is None:
        from headrace.cli.main import main as run  # noqa: PLC0415 - Typer takes its time

        run()
    elif arguments or COMPLETE in os.environ:
        _print(text, sys.stdout)
    else:
        _print(text, sys.stderr)
        sys.exit(2)


def answer(arguments: list[str]) -> str | None:
    """Return what the program prints, or None if the command itself must say.

    Args:
        arguments: The words after ``headrace``.
    """
    if COMPLETE in os.environ:
        return completions(os.environ[COMPLETE], os.environ)
    if arguments == ["--version"]:
        number = _find_version()
        return number and f"{_PROGRAM} {number}"
    return help_text(arguments or ["--help"])


def help_text(arguments: list[str]) -> str | None:
    """Return the help that the arguments ask for; None if they ask for something else, or the terminal is narrow.

    Args:
        arguments: The words after ``headrace``.
    """
    if not arguments or arguments[-1] != "--help" or _columns() < WIDTH:
        return None
    words = arguments[:-1]
    if len(words) > 2 or not all(word.replace("-", "").isalpha() for word in words):
        return None
    text = _read(f"help/{'.'.join(words) or _PROGRAM}.txt")
    return text and text.removesuffix("\n")


def completions(instruction: str, environment: "Mapping[str, str]") -> str | None:
    """Return the names that complete a word, as the shell's function expects them; None to leave it to Typer.

    Args:
        instruction: The shell, as ``complete_bash``.
        environment: What the shell's function has set.
    """
    words = _words(instruction, environment)
    if words is None:
        return None
    *path, word = words
    rows = [line.split("\t") for line in (_read("completions.tsv") or "").splitlines()]
    wanted = " ".join(path)
    kind = "" if not word or word[0].isalnum() else "-"
    known = [row for row in rows if row[0] == wanted and row[1] == kind]
    if not known or "=" in word:
        return None
    return _for_shell(instruction, [row[2:] for row in known if row[2].startswith(word)], environment)


def _words(instruction: str, environment: "Mapping[str, str]") -> list[str] | None:
    """Return the words after ``headrace`` up to the one to complete; None if they need a shell's rules."""
    if instruction not in _SHELLS:
        return None
    bash = instruction == "complete_bash"
    line = environment.get("COMP_WORDS" if bash else "_TYPER_COMPLETE_ARGS", "")
    if _QUOTES & set(line):
        return None
    words = line.split()
    if bash:
        position = environment.get("COMP_CWORD", "")
        if not position.isdecimal():
            return None
        last = int(position)
        return [*words[1:last], words[last] if last < len(words) else ""]
    return words[1:] if len(words) > 1 and not line.endswith(" ") else [*words[1:], ""]


def _for_shell(instruction: str, rows: list[list[str]], environment: "Mapping[str, str]") -> str | None:
    if instruction == "complete_bash":
        return "\n".join(value for value, _ in rows)
    if instruction == "complete_zsh":
        quoted = "\n".join(
            f'"{_escape(value)}":"{_escape(text)}"' if text else f'"{_escape(value)}"' for value, text in rows
        )
        return f"_arguments '*: :(({quoted}))'" if rows else "_files"
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") != "get-args" or not rows:
        return None
    return "\n".join(f"{value}\t{text}" if text else value for value, text in rows)


def _escape(text: str) -> str:
    """Return a text inside zsh's quotes, as Typer writes it."""
    for character, written in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", r"\\:")):
        text = text.replace(character, written)
    return text


def _columns() -> int:
    """Return the width of the terminal by the rule of ``shutil.get_terminal_size``, which takes long to import."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns > 0:
        return columns
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or WIDTH  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return WIDTH


def _find_version() -> str | None:
    """Return the installed version, as ``importlib.metadata`` would, which takes long to import; None if unsure."""
    for folder in sys.path:
        if not os.path.isdir(folder):  # noqa: PTH112 - as above
            continue
        for name in os.listdir(folder):  # noqa: PTH208 - as above
            if name.startswith(f"{_PROGRAM}-") and name.endswith(".dist-info"):
                return name.removeprefix(f"{_PROGRAM}-").removesuffix(".dist-info")
    return None


def _read(name: str) -> str | None:
    try:
        with open(f"{_TEXTS}/{name}", encoding="utf-8") as stream:  # noqa: PTH123 - pathlib takes long to import
            return stream.read()
    except FileNotFoundError:
        return None


def _print(text: str, stream: "TextIO") -> None:
    """Print a text; a reader that has closed the pipe ends the program as in ``headrace.cli.main``."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(1)
