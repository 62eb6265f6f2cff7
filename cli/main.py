"""The command ``headrace``."""

import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import typer

from headrace.cli import (
    card,
    catalog,
    cluster,
    compiling,
    contracts,
    demo,
    deploy,
    doctor,
    lineage,
    registry,
    registry_moves,
    replay,
    rollout,
    run,
    runs,
    score,
    serve,
    sign,
    submit,
    tune,
    verify,
)
from headrace.core.errors import HeadraceError, UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="From a table to an answering endpoint: the same components here and on Kubeflow.",
)
app.command(name="demo", epilog=demo.EXAMPLES)(demo.demo)
app.command(name="run", epilog=run.EXAMPLES)(run.run)
app.command(name="tune", epilog=tune.EXAMPLES)(tune.tune)
app.command(name="serve", epilog=serve.EXAMPLES)(serve.serve)
app.command(name="deploy", epilog=deploy.EXAMPLES)(deploy.deploy)
app.command(name="rollout", epilog=rollout.EXAMPLES)(rollout.rollout)
app.command(name="score", epilog=score.EXAMPLES)(score.score)
app.command(name="verify", epilog=verify.EXAMPLES)(verify.verify)
app.command(name="sign", epilog=sign.EXAMPLES)(sign.sign)
app.command(name="card", epilog=card.EXAMPLES)(card.card)
app.command(name="contract", epilog=contracts.EXAMPLES)(contracts.contract)
app.add_typer(registry.app, name="registry")
app.add_typer(catalog.app, name="catalog")
app.command(name="approve", epilog=registry_moves.APPROVE)(registry_moves.approve)
app.command(name="lineage", epilog=lineage.EXAMPLES)(lineage.lineage)
app.command(name="replay", epilog=replay.EXAMPLES)(replay.replay)
app.command(name="compile", epilog=compiling.EXAMPLES)(compiling.compile_pipeline)
app.command(name="doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(cluster.app, name="cluster", epilog=cluster.EXAMPLES)
app.command(name="submit", epilog=submit.EXAMPLES)(submit.submit)
app.command(name="runs", epilog=runs.RUNS_EXAMPLES)(runs.runs)
app.command(name="logs", epilog=runs.LOGS_EXAMPLES)(runs.logs)
app.command(name="cancel", epilog=runs.CANCEL_EXAMPLES)(runs.cancel)


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    """End by SIGTERM the way Ctrl-C does: through every ``finally``."""
    raise SystemExit(128 + signal.SIGTERM)


def _say(text: str) -> None:
    """One line on standard error, whatever the message holds."""
    sys.stderr.write("headrace: " + " ".join(text.split()) + "\n")


def main() -> None:
    """Run the command line: exit code 2 for the user's mistakes, 1 for ours, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, _terminated)
    verbose = "--verbose" in sys.argv or "-v" in sys.argv
    try:
        app()
    except KeyboardInterrupt:
        _say("stopped; the last good results, if any, are untouched.")
        code = 130
    except HeadraceError as error:
        if verbose:
            traceback.print_exc()
        _say(str(error))
        code = 2 if isinstance(error, UserError) else 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: said in one sentence, traceback on request
        if verbose:
            traceback.print_exc()
        _say(f"an error of headrace's own: {type(error).__name__}: {error} (--verbose shows where).")
        code = 1
    else:
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
