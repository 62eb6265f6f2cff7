"""The lines of a cell as command lines of the suite, with variables of the notebook in them."""

import keyword
import re
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote

_BINDING = re.compile(r"\s*([^\W\d]\w*)\s*<<\s*(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\{\{|\}\}|\{([^\W\d]\w*(?:\.[^\W\d]\w*)*)\}")
_NO_VARIABLE = re.compile(r"\{\s*[^\W\d][\w.]*\s*(?:[\[(][^{}]*)?(?:\}|$)")
_EXAMPLE = "headrace run {table} --target churn"


@dataclass(frozen=True)
class CommandLine:
    """A command line.

    Attributes:
        words: The command and its arguments, variables not replaced yet.
        name: Name of the variable that gets its result; empty for no variable.
    """

    words: tuple[str, ...]
    name: str = ""


def parse_lines(text: str) -> list[CommandLine]:
    r"""Return the command lines of a cell: one a line, ``\`` at its end continues it, ``#`` at its beginning ends it.

    A line may begin with ``headrace``, and with ``NAME <<`` for a variable that gets the result.

    Args:
        text: The lines.

    Raises:
        InputError: If there is no command, or a line cannot be split into words.
    """
    lines = [line.strip() for line in re.sub(r"\\\n", " ", text).splitlines()]
    commands = [_parse_line(line) for line in lines if line and not line.startswith("#")]
    if not commands:
        raise InputError(
            f"%headrace must be followed by a command, such as %{_EXAMPLE}; it is empty: %headrace --help lists them."
        )
    return commands


def _parse_line(line: str) -> CommandLine:
    binding = _BINDING.fullmatch(line)
    name, command = (binding[1], binding[2]) if binding else ("", line)
    if keyword.iskeyword(name):
        raise InputError(f"{name} << must begin with the name of a variable; {name} is a word of Python.")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"{quote(command)} must be a command line; {error!s}.".replace("..", ".")) from error
    if words and words[0] == "headrace":
        words = words[1:]
    if not words:
        raise InputError(f"{quote(line)} must name a command, such as {_EXAMPLE}; it names nothing.")
    return CommandLine(tuple(words), name)


@dataclass(frozen=True)
class ReadyCommand:
    """A command line whose variables are replaced.

    Attributes:
        words: The command and its arguments.
        written: Variables by the address of the temporary file that each was written to.
    """

    words: tuple[str, ...]
    written: Mapping[str, str]

    def name_variables(self, text: str) -> str:
        """Return a text of the command with the variables in place of files that their user never sees."""
        for address, name in self.written.items():
            text = text.replace(address, f"{{{name}}}")
        return text


def replace_variables(words: tuple[str, ...], variables: Mapping[str, Any], stack: ExitStack) -> ReadyCommand:
    """Replace ``{name}`` by what the variable holds: a text, a path, a number, or the address of a table or a model.

    ``{name.attribute}`` is an attribute of it; ``{{`` and ``}}`` stand for the signs themselves.

    Args:
        words: Words of a command line.
        variables: The notebook's variables.
        stack: Gets what deletes the files that data frames are written to.

    Raises:
        InputError: If there is no such variable, or it holds something else.
    """
    written: dict[str, str] = {}

    def replace(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        return _text_of(found[1], _look_up(found[1], variables), stack, written)

    for word in words:
        wrong = _NO_VARIABLE.search(_VARIABLE.sub("", word))
        if wrong:
            raise InputError(
                f"braces must hold the name of a variable or of its attribute and nothing else, such as {{run}} or "
                f"{{run.home}}; got {quote(wrong[0])}: assign what is meant to a variable."
            )
    return ReadyCommand(tuple(_VARIABLE.sub(replace, word) for word in words), written)


def _look_up(path: str, variables: Mapping[str, Any]) -> Any:
    name, *attributes = path.split(".")
    if name not in variables:
        raise InputError(f"{{{path}}} must name a variable of the notebook; there is no variable {name}.")
    value = variables[name]
    for attribute in attributes:
        if not hasattr(value, attribute):
            raise InputError(f"{{{path}}} must name an attribute; {type(value).__name__} has no {attribute}.")
        value = getattr(value, attribute)
    return value


def _text_of(path: str, value: Any, stack: ExitStack, written: dict[str, str]) -> str:
    if isinstance(value, str | Path) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    for attribute in ("home", "folder", "output"):  # of a run, a bundle, stored predictions
        place = getattr(value, attribute, None)
        if isinstance(place, Path) and type(value).__module__.startswith("headrace."):
            return str(place)
    from headrace.api.tables import is_frame, table_address  # noqa: PLC0415 - texts need no tables

    if is_frame(value):
        # The file is named like the variable, and the model like the file.
        address = stack.enter_context(table_address(value, name=path.rpartition(".")[2]))
        written[address] = path
        return address
    what = quote(value) if type(value).__module__ == "builtins" else f"a {type(value).__name__}"
    if hasattr(value, "to_frame"):
        what += f", of which {path}.to_frame() makes a data frame"
    raise InputError(
        f"{{{path}}} must hold a text, a path, a number, a data frame, a run or a bundle; it holds {what}."
    )
