"""``headrace rollout``: a new version takes over step by step, or is rolled back."""

import contextlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headrace.cli.options.command_parameters import takes_fields
from headrace.cli.options.rollout_options import RolloutOptions, parse_steps, parse_tolerances
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

  headrace rollout headrace-out/old --candidate headrace-out/new --platform local --table customers.csv

  headrace rollout headrace-out/old --candidate headrace-out/new --platform local --table traffic.csv --steps 10,50,100

Exit code 0: promoted. 3: rolled back or aborted, and the former version serves. KServe needs a cluster (KUBECONFIG, or
a pod's account) and its object store (HEADRACE_S3_ENDPOINT and keys).
"""
_SENT_BACK = 3


@takes_fields(RolloutOptions)
def rollout(*, options: RolloutOptions) -> None:
    """Give a candidate a growing share of MODEL's requests; promote it or roll it back by its servers' metrics."""
    from headrace.rollouts.controller.start import refuse_second  # noqa: PLC0415 - other commands need no statistics

    if len(options.actions) + bool(options.candidate) != 1:
        raise InputError(
            "headrace rollout must be given a --candidate, or one of --status, --pause, --resume, --abort."
        )
    if options.platform not in {"local", "kserve"}:
        raise InputError(f"--platform must be local or kserve; got {options.platform!r} instead.")
    store = _record_store(options)
    if options.actions and _pass_command(options.actions[0], store):
        return
    plan = _plan(options)
    if options.candidate:
        refuse_second(store, options.model)
    with _rollout_parts(options, store) as parts:
        record = _finish_rollout(options.actions, parts, plan)
    if options.platform == "kserve":
        write_text(options.folder / "rollout.json", record.to_json())
    _print_outcome(record, options.folder)
    if record.status != "promoted" and not options.abort:
        raise typer.Exit(_SENT_BACK)


def _finish_rollout(actions: tuple[str, ...], parts: "RolloutParts", plan: "RolloutPlan") -> "RolloutRecord":
    from headrace.rollouts.controller import start  # noqa: PLC0415

    if actions == ("abort",):
        return start.abort(parts)
    return start.resume(parts, say=_say) if actions else start.begin(parts, plan, say=_say)


def _pass_command(action: str, store: "RecordStore") -> bool:
    """Print the rollout's status, or pass a command to its process; return False if it must be carried out here.

    Raises:
        InputError: If there is no rollout, or no process that takes the command.
    """
    stored = store.load()
    if action == "status":
        typer.echo(_describe_rollout(stored))
        return True
    if stored is None or not stored.record.open:
        raise InputError("no rollout is under way here: see the last one with --status, or start one with --candidate.")
    if not stored.watched:
        if action == "pause":
            raise InputError("no process runs the rollout: resume it with --resume, or end it with --abort.")
        return False
    command: RolloutCommand = action  # type: ignore[assignment]  # one of the three
    store.send_command(command)
    typer.echo(f"The command {action} is stored; the rollout reads it at its next poll. Next: see it with --status.")
    return True


def _describe_rollout(stored: "StoredRollout | None") -> str:
    from headrace.rollouts.controller.start import describe_rollout  # noqa: PLC0415

    if stored is None:
        return "There is no rollout here; start one with --candidate."
    record = stored.record
    checks = record.steps[-1].checks if record.steps else ()
    lines = [f"{record.name}: {describe_rollout(stored)}", *(f"  {check.text}" for check in checks), *record.reasons]
    return "\n".join(lines)


def _plan(options: RolloutOptions) -> "RolloutPlan":
    """Return the plan that a command's options describe.

    Raises:
        InputError: If an option is invalid.
    """
    from headrace.rollouts.step import plan_of  # noqa: PLC0415

    return plan_of(
        parse_steps(options.steps),
        here=options.platform == "local",
        tolerances=parse_tolerances(options.tolerance),
        step_duration=options.step_duration,
        step_timeout=options.step_timeout,
        poll_interval=options.poll_interval,
        alpha=options.alpha,
        step_requests=options.step_requests,
        floor_ms=options.floor_ms,
        slow_ms=options.slow_ms,
        on_timeout=options.on_timeout,
    )


def _record_store(options: RolloutOptions) -> "RecordStore":
    if options.platform == "local":
        from headrace.rollouts.record.record_store import FileRecordStore  # noqa: PLC0415

        return FileRecordStore(options.folder)
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415
    from headrace.rollouts.record.config_map_store import ConfigMapRecordStore  # noqa: PLC0415

    return ConfigMapRecordStore(connect(context=options.context, namespace=options.namespace), options.model)


@contextlib.contextmanager
def _rollout_parts(options: RolloutOptions, store: "RecordStore") -> "Iterator[RolloutParts]":
    """Yield the parts of the rollout; a resumed one knows its candidate from its record."""
    stored = store.load()
    candidate = options.candidate or (stored.record.candidate.uri if stored else "")
    if options.platform == "local":
        from headrace.api.model_reference import resolve_model  # noqa: PLC0415
        from headrace.rollouts.local import LocalRollout, local_parts  # noqa: PLC0415

        if not options.table and not options.abort:
            raise InputError("a rollout on this machine must be given a --table whose rows are sent.")
        local_rollout = LocalRollout(
            stable=resolve_model(options.model),
            candidate=resolve_model(candidate),
            table=options.table,
            target=options.target,
            rate=options.rate,
            seed=options.seed,
            key=options.key,
        )
        with local_parts(local_rollout, options.folder) as parts:
            yield parts
        return
    from headrace.api.deployment import publish_model  # noqa: PLC0415
    from headrace.rollouts.kserve import KServeRollout, kserve_parts  # noqa: PLC0415
    from headrace.serving.deployment.target import DeploymentTarget  # noqa: PLC0415

    kserve_rollout = KServeRollout(
        name=options.model,
        candidate=publish_model(candidate),
        traffic=options.traffic or (stored.record.traffic if stored and stored.record.open else ""),
        target=DeploymentTarget("kserve", options.namespace, options.context, gateway=options.gateway),
        prometheus=options.prometheus,
        selector=options.selector,
        labelled_query=options.labelled_query,
        error_query=options.error_query,
    )
    yield kserve_parts(kserve_rollout, say=_say)


def _print_outcome(record: "RolloutRecord", home: Path) -> None:
    """Print how it ended, and what to do next."""
    from headrace.rollouts.record.registry_note import record_in_registry  # noqa: PLC0415

    typer.echo(f"\n  {record.name}: {record.status.replace('_', ' ')}.\n  {' '.join(record.reasons)}")
    if record.url and record.platform == "kserve":
        typer.echo(f"  {record.url}")
    typer.echo(f"  The decision stands {record_in_registry(record)}.")
    path = home / "rollout.json"
    if record.status != "promoted":
        typer.echo(f"\nNext: read {path}, which holds the numbers behind it; the former version serves.")
    elif record.platform == "local":
        typer.echo(
            f"\nNext: headrace serve {shlex.quote(record.candidate.uri)}   (every decision and its numbers: {path})"
        )
    else:
        typer.echo(f"\nNext: send it requests; the rollout's decisions and their numbers are in {path}.")


def _say(text: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"  … {text}\n")
    sys.stdout.flush()
