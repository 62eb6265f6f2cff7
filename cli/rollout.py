"""``headrace rollout``: a new version takes over step by step, or goes back."""

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli import options
from headrace.core.errors import InputError
from headrace.core.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.rollouts.memory import Kept, Memory, Wish
    from headrace.rollouts.record import Plan, Record
    from headrace.rollouts.start import Parts

EXAMPLES = """
Examples:

  headrace rollout tumours --candidate s3://headrace/models/tumours/9c…/ --prometheus http://prometheus.monitoring:9090

  headrace rollout tumours --status

  headrace rollout tumours --pause          (or --resume, or --abort)

  headrace rollout headrace-out/old --candidate headrace-out/new --to local --table customers.csv

  headrace rollout headrace-out/old --candidate headrace-out/new --to local --table customers.csv --steps 10,50,100

Exit code 0: promoted. 3: sent back or aborted, and the former version answers. KServe needs a cluster (KUBECONFIG, or a
pod's account) and its object store (HEADRACE_S3_ENDPOINT and keys).
"""
_ACTIONS = ("status", "pause", "resume", "abort")
_SENT_BACK = 3


def rollout(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Name of the endpoint on KServe; with --to local the folder or URI that answers now."
        ),
    ],
    candidate: Annotated[str, typer.Option(help="Folder or store URI of the new version.", metavar="MODEL")] = "",
    to: Annotated[str, typer.Option(help="kserve or local.")] = "kserve",
    table: Annotated[str, typer.Option(help="Local: table whose rows are sent, again and again.")] = "",
    target: Annotated[str, typer.Option(help="Local: its column of truth.", show_default="the contract's")] = "",
    rate: Annotated[float, typer.Option(help="Local: requests a second.", min=0, show_default="all it can")] = 0.0,
    seed: options.Seed = 0,
    steps: Annotated[str, typer.Option(help="Shares of the requests, in percent.")] = "1,5,25,50,100",
    step_requests: Annotated[int, typer.Option(help="Fewest requests of the candidate in a step.", min=1)] = 200,
    step_time: Annotated[str, typer.Option(help="Shortest time of a step.", show_default="60s; local 2s")] = "",
    patience: Annotated[str, typer.Option(help="Longest time of a step.", show_default="1h; local 5m")] = "",
    look: Annotated[str, typer.Option(help="Time between two looks.", show_default="15s; local 1s")] = "",
    tolerate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK=NUMBER",
            help="How much worse it may be: errors, latency, slow, shift, outcome; repeatable.",
            show_default="errors=0.01 latency=1.5 slow=0.02 shift=0.2 outcome=0.05",
        ),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Chance that a good candidate is sent back.")] = 0.05,
    floor_ms: Annotated[float, typer.Option(help="Times below this are all the same.", min=0)] = 5.0,
    slow_ms: Annotated[
        float, typer.Option(help="From when on a request is slow.", min=0, show_default="the stable's 99 %")
    ] = 0.0,
    undecided: Annotated[str, typer.Option(help="After the patience: rollback or promote.")] = "rollback",
    traffic: Annotated[
        str, typer.Option(help="KServe: canary, knative or graph.", show_default="what the cluster offers")
    ] = "",
    prometheus: Annotated[
        str, typer.Option(help="KServe: Prometheus' address.", metavar="URL", show_default="ask the pods")
    ] = "",
    selector: Annotated[str, typer.Option(help='Further label matchers, such as namespace="models".')] = "",
    known: Annotated[str, typer.Option(help="PromQL: predictions whose truth is known, by digest.")] = "",
    wrong: Annotated[str, typer.Option(help="PromQL: those that were wrong, by digest.")] = "",
    namespace: Annotated[str, typer.Option(help="Namespace.", show_default="the context's, or the pod's own")] = "",
    context: Annotated[str, typer.Option(help="Context of the kubeconfig.", show_default="the current one")] = "",
    via: Annotated[str, typer.Option(help="Gateway, from outside.", metavar="HOST:PORT", show_default="none")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the record.", show_default="headrace-out/rollout")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Tell where the rollout is.")] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Go no further; what is bad still goes back.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on: with a paused one, or here with one that nobody goes on with.")
    ] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Send the candidate back.")] = False,
    verbose: options.Verbose = False,
) -> None:
    """Give a candidate a growing share of MODEL's requests; promote it, or send it back, by what its servers count."""
    told = dict(locals())
    from headrace.rollouts.start import refuse_second  # noqa: PLC0415 - other commands need no statistics

    wanted = [action for action in _ACTIONS if told[action]]
    if len(wanted) + bool(candidate) != 1:
        raise InputError(
            "headrace rollout must be given a --candidate, or one of --status, --pause, --resume, --abort."
        )
    if to not in {"local", "kserve"}:
        raise InputError(f"--to must be local or kserve; got {to!r} instead.")
    home = output or Path("headrace-out") / "rollout"
    memory = _memory(told, home)
    if wanted and _only_said(wanted[0], memory):
        return
    plan = _plan(told)
    if candidate:
        refuse_second(memory, model)
    with _parts(told, memory, home) as parts:
        record = _gone(wanted, parts, plan)
    if to == "kserve":
        write_text(home / "rollout.json", record.to_json())
    _told(record, home)
    if record.status != "promoted" and not abort:
        raise typer.Exit(_SENT_BACK)


def _gone(wanted: list[str], parts: "Parts", plan: "Plan") -> "Record":
    from headrace.rollouts import start  # noqa: PLC0415

    if wanted == ["abort"]:
        return start.end(parts)
    return start.go_on(parts, say=_say) if wanted else start.begin(parts, plan, say=_say)


def _only_said(action: str, memory: "Memory") -> bool:
    """Tell how a rollout is, or tell its process what is wanted; False if there is no process and it must be done here.

    Raises:
        InputError: If there is no rollout, or nobody would hear.
    """
    kept = memory.load()
    if action == "status":
        typer.echo(_described(kept))
        return True
    if kept is None or not kept.record.open:
        raise InputError("no rollout is under way here: see the last one with --status, or start one with --candidate.")
    if not kept.watched:
        if action == "pause":
            raise InputError("nobody goes on with the rollout: go on with it by --resume, or end it by --abort.")
        return False
    wish: Wish = action  # type: ignore[assignment]  # one of the three
    memory.wish(wish)
    typer.echo(f"It is told to {action}; it hears so at its next look. Next: see it with --status.")
    return True


def _described(kept: "Kept | None") -> str:
    from headrace.rollouts.start import described  # noqa: PLC0415

    if kept is None:
        return "There is no rollout here; start one with --candidate."
    record = kept.record
    checks = record.steps[-1].checks if record.steps else ()
    lines = [f"{record.name}: {described(kept)}", *(f"  {check.text}" for check in checks), *record.reasons]
    return "\n".join(lines)


def _plan(told: dict[str, Any]) -> "Plan":
    """The plan of a command's options.

    Raises:
        InputError: If an option cannot be.
    """
    from headrace.rollouts.step import plan_of  # noqa: PLC0415

    try:
        steps = [int(part) for part in told["steps"].split(",")]
    except ValueError as error:
        raise InputError(f"--steps must be percents such as 1,5,25,50,100; got {told['steps']!r} instead.") from error
    same = ("step_time", "patience", "look", "alpha", "step_requests", "floor_ms", "slow_ms", "undecided")
    return plan_of(
        steps,
        here=told["to"] == "local",
        tolerances=options.bounds(told["tolerate"] or [], option="--tolerate", example="errors=0.02"),
        **{key: told[key] for key in same},
    )


def _memory(told: dict[str, Any], home: Path) -> "Memory":
    if told["to"] == "local":
        from headrace.rollouts.memory import FileMemory  # noqa: PLC0415

        return FileMemory(home)
    from headrace.cluster.connecting import connect  # noqa: PLC0415
    from headrace.rollouts.config_map import ConfigMapMemory  # noqa: PLC0415

    return ConfigMapMemory(connect(context=told["context"], namespace=told["namespace"]), told["model"])


@contextlib.contextmanager
def _parts(told: dict[str, Any], memory: "Memory", home: Path) -> "Iterator[Parts]":
    """What the rollout is made of; one that is gone on with knows its candidate itself."""
    kept = memory.load()
    candidate = told["candidate"] or (kept.record.candidate.uri if kept else "")
    if told["to"] == "local":
        from headrace.cli.models import bundle_of  # noqa: PLC0415
        from headrace.rollouts.local import Here, parts_here  # noqa: PLC0415

        if not told["table"] and not told["abort"]:
            raise InputError("a rollout on this machine must be given a --table whose rows are sent.")
        here = Here(
            stable=bundle_of(told["model"]),
            candidate=bundle_of(candidate),
            table=told["table"],
            target=told["target"],
            rate=told["rate"],
            seed=told["seed"],
        )
        with parts_here(here, home) as parts:
            yield parts
        return
    from headrace.cli.deploy import address_of  # noqa: PLC0415
    from headrace.rollouts.on_kserve import There, parts_there  # noqa: PLC0415
    from headrace.serving.deployment_target import DeploymentTarget  # noqa: PLC0415

    there = There(
        name=told["model"],
        candidate=address_of(candidate),
        traffic=told["traffic"] or (kept.record.traffic if kept and kept.record.open else ""),
        target=DeploymentTarget("kserve", told["namespace"], told["context"], via=told["via"]),
        prometheus=told["prometheus"],
        selector=told["selector"],
        known=told["known"],
        wrong=told["wrong"],
    )
    yield parts_there(there, say=_say)


def _told(record: "Record", home: Path) -> None:
    """How it ended, and what to do next."""
    from headrace.rollouts.registered import tell  # noqa: PLC0415

    typer.echo(f"\n  {record.name}: {record.status.replace('_', ' ')}.\n  {' '.join(record.reasons)}")
    if record.url and record.to == "kserve":
        typer.echo(f"  {record.url}")
    typer.echo(f"  The decision stands {tell(record)}.")
    path = home / "rollout.json"
    if record.status != "promoted":
        typer.echo(f"\nNext: read {path}, which says on which numbers; the former version answers.")
    elif record.to == "local":
        typer.echo(
            f"\nNext: headrace serve {shlex.quote(record.candidate.uri)}   (every decision and its numbers: {path})"
        )
    else:
        typer.echo(f"\nNext: ask it; the rollout's decisions and their numbers lie in {path}.")


def _say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(f"  … {text}\n")
    sys.stdout.flush()
