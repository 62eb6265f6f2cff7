"""The magics ``%headrace`` and ``%%headrace``."""

import sys
from contextlib import ExitStack
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from headrace.core.base.errors import HeadraceError, UserError
from headrace.jupyter.command_lines import CommandLine, parse_lines, replace_variables
from headrace.jupyter.command_process import run_command
from headrace.jupyter.command_results import plan_result, read_result

_INTERRUPTED = 130


class CommandError(UserError):
    """A command of a cell has failed, or was interrupted; the notebook shows its sentence without a stack trace."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of it."""
        return [f"headrace: {self}"]


@magics_class
class HeadraceMagics(Magics):
    """Magics that run command lines of the suite."""

    @no_var_expand
    @line_cell_magic
    def headrace(self, line: str, cell: str | None = None) -> Any:
        r"""Run command lines of headrace.

        ::

            %load_ext headrace.jupyter

            %headrace run customers.csv --target churn        a command; its result is the value of the line
            run = %headrace run {frame} --target churn        {name}: a variable, such as a data frame

            %%headrace
            # each line is a command, \ at its end continues it, NAME << binds its result
            run << run {frame} --target churn --families logistic
            predictions << score {run} {new_rows}
            registry list

        A run is a ``Run``, predictions are ``Predictions``, what has ``--json`` is parsed, anything else is a text. The
        first command that fails ends the cell. Interrupting the kernel is Ctrl-C for the command.
        """
        try:
            commands = parse_lines(line if cell is None else f"{line}\n{cell}")
            results = [self._run(command) for command in commands]
        except CommandError:
            raise
        except HeadraceError as error:
            raise CommandError(str(error)) from None
        return results[-1] if cell is None and not commands[-1].name else None

    def _run(self, command: CommandLine) -> Any:
        shell: Any = self.shell
        with ExitStack() as stack:
            ready = replace_variables(command.words, shell.user_ns, stack)
            plan = plan_result(ready.words, stack)

            def write(text: str) -> None:
                sys.stdout.write(ready.name_variables(plan.describe_output(text)))
                sys.stdout.flush()

            ended = run_command(plan.words, write=write)
            if ended.code:
                interrupted = ended.is_interrupted and ended.code in {_INTERRUPTED, -2, -9}
                usual = "it was interrupted." if interrupted else f"it ended with exit code {ended.code}."
                sentence = ended.sentence or f"headrace {ready.words[0]}: {usual}"
                raise CommandError(ready.name_variables(sentence))
            result = read_result(plan, ended.text)
        if command.name:
            shell.push({command.name: result})
        return result
