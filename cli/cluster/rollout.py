"""``headrace rollout``: a new version takes over step by step, or goes back."""

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headrace.cli.options import run_options
from headrace.cli.options.command_parameters import takes_fields
from headrace.cli.options.rollout_options import RolloutOptions
from headrace.core.base.errors import InputError
from headrace.core.base.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.rollouts.controller.start import RolloutParts
    from headrace.rollouts.record.record import RolloutPlan, RolloutRecord
    from headrace.rollouts.record.record_store import RecordStore, RolloutCommand, StoredRollout

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
_SENT_BACK = 3


@takes_fields(RolloutOptions)
def rollout(*, given: RolloutOptions) -> None:
    """Give a candidate a growing share of MODEL's requests; promote it, or send it back, by what its servers count."""
    from headrace.rollouts.controller.start import refuse_second  # noqa: PLC0415 - other commands need no statistics

    if len(given.actions) + bool(given.candidate) != 1:
        raise InputError(
            "headrace rollout must be given a --candidate, or one of --status, --pause, --resume, --abort."
        )
    if given.to not in {"local", "kserve"}:
        raise InputError(f"--to must be local or kserve; got {given.to!r} instead.")
    memory = _memory(given)
    if given.actions and _only_said(given.actions[0], memory):
        return
    plan = _plan(given)
    if given.candidate:
        refuse_second(memory, given.model)
    with _parts(given, memory) as parts:
        record = _finish_rollout(given.actions, parts, plan)
    if given.to == "kserve":
        write_text(given.folder / "rollout.json", record.to_json())
    _print_outcome(record, given.folder)
    if record.status != "promoted" and not given.abort:
        raise typer.Exit(_SENT_BACK)


def _finish_rollout(actions: tuple[str, ...], parts: "RolloutParts", plan: "RolloutPlan") -> "RolloutRecord":
    from headrace.rollouts.controller import start  # noqa: PLC0415

    if actions == ("abort",):
        return start.end(parts)
    return start.go_on(parts, say=_say) if actions else start.begin(parts, plan, say=_say)


def _only_said(action: str, memory: "RecordStore") -> bool:
    """Tell how a rollout is, or tell its process what is wanted; False if there is no process and it must be done here.

    Raises:
        InputError: If there is no rollout, or nobody would hear.
    """
    kept = memory.load()
    if action == "status":
        typer.echo(_describe_rollout(kept))
        return True
    if kept is None or not kept.record.open:
        raise InputError("no rollout is under way here: see the last one with --status, or start one with --candidate.")
    if not kept.watched:
        if action == "pause":
            raise InputError("no process runs the rollout: resume it with --resume, or end it with --abort.")
        return False
    wish: RolloutCommand = action  # type: ignore[assignment]  # one of the three
    memory.wish(wish)
    typer.echo(f"It is told to {action}; it hears so at its next look. Next: see it with --status.")
    return True


def _describe_rollout(kept: "StoredRollout | None") -> str:
    from headrace.rollouts.controller.start import describe_rollout  # noqa: PLC0415

    if kept is None:
        return "There is no rollout here; start one with --candidate."
    record = kept.record
    checks = record.steps[-1].checks if record.steps else ()
    lines = [f"{record.name}: {describe_rollout(kept)}", *(f"  {check.text}" for check in checks), *record.reasons]
    return "\n".join(lines)


def _plan(given: RolloutOptions) -> "RolloutPlan":
    """The plan of a command's options.

    Raises:
        InputError: If an option cannot be.
    """
    from headrace.rollouts.step import plan_of  # noqa: PLC0415

    try:
        steps = [int(part) for part in given.steps.split(",")]
    except ValueError as error:
        raise InputError(f"--steps must be percents such as 1,5,25,50,100; got {given.steps!r} instead.") from error
    return plan_of(
        steps,
        here=given.to == "local",
        tolerances=run_options.bounds(given.tolerate or [], option="--tolerate", example="errors=0.02"),
        step_time=given.step_time,
        patience=given.patience,
        look=given.look,
        alpha=given.alpha,
        step_requests=given.step_requests,
        floor_ms=given.floor_ms,
        slow_ms=given.slow_ms,
        undecided=given.undecided,
    )


def _memory(given: RolloutOptions) -> "RecordStore":
    if given.to == "local":
        from headrace.rollouts.record.record_store import FileRecordStore  # noqa: PLC0415

        return FileRecordStore(given.folder)
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415
    from headrace.rollouts.record.config_map_store import ConfigMapRecordStore  # noqa: PLC0415

    return ConfigMapRecordStore(connect(context=given.context, namespace=given.namespace), given.model)


@contextlib.contextmanager
def _parts(given: RolloutOptions, memory: "RecordStore") -> "Iterator[RolloutParts]":
    """What the rollout is made of; one that is gone on with knows its candidate itself."""
    kept = memory.load()
    candidate = given.candidate or (kept.record.candidate.uri if kept else "")
    if given.to == "local":
        from headrace.api.model_reference import resolve_model  # noqa: PLC0415
        from headrace.rollouts.local import LocalRollout, parts_here  # noqa: PLC0415

        if not given.table and not given.abort:
            raise InputError("a rollout on this machine must be given a --table whose rows are sent.")
        here = LocalRollout(
            stable=resolve_model(given.model),
            candidate=resolve_model(candidate),
            table=given.table,
            target=given.target,
            rate=given.rate,
            seed=given.seed,
        )
        with parts_here(here, given.folder) as parts:
            yield parts
        return
    from headrace.api.deployment import publish_model  # noqa: PLC0415
    from headrace.rollouts.kserve import KServeRollout, parts_there  # noqa: PLC0415
    from headrace.serving.deployment.target import DeploymentTarget  # noqa: PLC0415

    there = KServeRollout(
        name=given.model,
        candidate=publish_model(candidate),
        traffic=given.traffic or (kept.record.traffic if kept and kept.record.open else ""),
        target=DeploymentTarget("kserve", given.namespace, given.context, via=given.via),
        prometheus=given.prometheus,
        selector=given.selector,
        known=given.known,
        wrong=given.wrong,
    )
    yield parts_there(there, say=_say)


def _print_outcome(record: "RolloutRecord", home: Path) -> None:
    """How it ended, and what to do next."""
    from headrace.rollouts.record.registry_note import tell  # noqa: PLC0415

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
