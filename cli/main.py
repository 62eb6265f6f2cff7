"""The command ``headrace``."""

import gc
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Annotated, Any, NoReturn, cast

import typer
from typer._completion_classes import completion_init
from typer.core import TyperGroup

from headrace.core.base.errors import HeadraceError, UserError
from headrace.core.runtime.signals import is_ignored

# MODULE:FUNCTION:EXAMPLES of a command, below headrace.cli; a group of commands is its module alone.
_COMMANDS = {
    "demo": "local.demo:demo:EXAMPLES",
    "new": "local.new:new:EXAMPLES",
    "run": "local.run:run:EXAMPLES",
    "tune": "local.tune:tune:EXAMPLES",
    "serve": "local.serve:serve:EXAMPLES",
    "deploy": "cluster.deploy:deploy:EXAMPLES",
    "rollout": "cluster.rollout:rollout:EXAMPLES",
    "forecast": "forecasts.forecast",
    "score": "local.score:score:EXAMPLES",
    "stream": "local.stream:stream:EXAMPLES",
    "tail": "streams.tail:tail:EXAMPLES",
    "collect": "monitoring.collect:collect:EXAMPLES",
    "labels": "monitoring.labels:labels:EXAMPLES",
    "verify": "records.verify:verify:EXAMPLES",
    "sign": "records.sign:sign:EXAMPLES",
    "card": "local.card:card:EXAMPLES",
    "export": "conversion.export:export:EXAMPLES",
    "import": "conversion.import_model:import_model:EXAMPLES",
    "migrate": "conversion.migrate:migrate:EXAMPLES",
    "contract": "local.contract:contract:EXAMPLES",
    "registry": "records.registry",
    "catalog": "records.catalog",
    "approve": "records.registry_actions:approve:APPROVE",
    "lineage": "records.lineage:lineage:EXAMPLES",
    "replay": "local.replay:replay:EXAMPLES",
    "abtest": "monitoring.abtest",
    "monitor": "monitoring.monitor",
    "retrain": "monitoring.retrain:retrain:EXAMPLES",
    "pull-out": "monitoring.pull_out:pull_out:EXAMPLES",
    "baseline": "local.baseline:baseline:EXAMPLES",
    "compile": "cluster.compile:compile_pipeline:EXAMPLES",
    "doctor": "local.doctor:doctor:EXAMPLES",
    "cluster": "cluster.cluster",
    "submit": "cluster.submit:submit:EXAMPLES",
    "runs": "cluster.runs:runs:RUNS_EXAMPLES",
    "logs": "cluster.runs:logs:LOGS_EXAMPLES",
    "cancel": "cluster.runs:cancel:CANCEL_EXAMPLES",
}


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is looked up, so that a start pays for one of them."""

    def __getitem__(self, name: str) -> Any:
        module_name, _, target = _COMMANDS[name].partition(":")
        module = importlib.import_module(f"headrace.cli.{module_name}")
        if not target:
            return typer.main.get_group(module.app)
        function, _, examples = target.partition(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name=name, epilog=getattr(module, examples))(getattr(module, function))
        return typer.main.get_command(single)

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Group(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("Any", _Commands())


_EXAMPLES = """
Examples:

  headrace demo

  headrace run customers.csv --target churned

  headrace serve headrace-out/customers

  headrace COMMAND --help
"""
app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=_EXAMPLES,
)


def _version(*, requested: bool) -> None:
    """Print the version and exit."""
    if requested:
        from importlib.metadata import version  # noqa: PLC0415 - other commands need none

        typer.echo(f"headrace {version('headrace')}")
        raise typer.Exit


@app.callback()
def headrace(
    *,
    shows_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """From a table to a live endpoint: the same components here and on Kubeflow."""


def _end_on_sigterm(_number: int, _frame: FrameType | None) -> NoReturn:
    """End by SIGTERM the way Ctrl-C does: through every ``finally``."""
    raise SystemExit(128 + signal.SIGTERM)


def _say(text: str) -> None:
    """Write one line to standard error, whatever line breaks the message holds."""
    sys.stderr.write("headrace: " + " ".join(text.split()) + "\n")


def _run() -> None:
    """Run the command; a Ctrl-C of which Typer 0.29 made a silent exit (``typer.core``) is one again."""
    completion_init()  # else Typer completes for no shell where it adds no options for it
    try:
        app()
    except SystemExit as ended:
        cause: BaseException | None = ended
        while cause is not None:
            if isinstance(cause, KeyboardInterrupt):
                raise KeyboardInterrupt from ended
            cause = cause.__cause__ or cause.__context__
        raise


def main() -> None:
    """Run the command line: exit code 2 for the user's mistakes, 1 for ours, 130 after Ctrl-C."""
    # A signal that the parent ignores on purpose, such as under `trap '' TERM`, stays ignored.
    if not is_ignored(signal.SIGTERM):
        signal.signal(signal.SIGTERM, _end_on_sigterm)
    verbose = "--verbose" in sys.argv or "-v" in sys.argv
    try:
        _run()
    except KeyboardInterrupt:
        _say("stopped; the last good results, if any, are untouched.")
        code = 130
    except HeadraceError as error:
        if verbose:
            traceback.print_exc()
        _say(str(error))
        code = 2 if isinstance(error, UserError) else 1
    except BrokenPipeError:
        # The reader has closed the pipe (`| head`); flushing standard output at exit would fail a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: one sentence, the traceback on request
        if verbose:
            traceback.print_exc()
        _say(f"an error of headrace's own: {type(error).__name__}: {error} (--verbose shows where).")
        code = 1
    else:
        code = 0
    finally:
        gc.freeze()  # else the interpreter collects garbage among all modules at exit, which takes 0.1 s
    sys.exit(code)


if __name__ == "__main__":
    main()
