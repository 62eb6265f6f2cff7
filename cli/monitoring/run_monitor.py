"""``headrace monitor MODEL STORE``: report about each window of a model in use, and decide."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.monitoring.retraining_process import RetrainingProcess, check_arguments, retraining_process
from headrace.cli.options.model_argument import Model
from headrace.cli.options.run_options import SummaryFile, Verbose
from headrace.core.base.errors import HeadraceError, InputError
from headrace.core.base.quantities import describe_count
from headrace.core.runtime.signals import is_ignored

if TYPE_CHECKING:
    from headrace.core.monitors.decisions.policy import MonitoringPolicy
    from headrace.monitoring.gauges.gauge_server import GaugeBoard
    from headrace.monitoring.monitors.monitor_window import MonitoredWindow
    from headrace.monitoring.resources.window_resources import ResourceSource

RUN = """
Examples:

  headrace monitor headrace-out/tips monitoring --page monitor.html

  headrace monitor tips@production s3://monitoring/models --policy monitoring.yaml --prometheus http://prometheus:9090

  headrace monitor tips@production monitoring --server http://127.0.0.1:8080 --follow --gauges 127.0.0.1:9109

  headrace monitor tips@production monitoring --follow --retrain --retrain-option=--old=trips.csv

Exit code 0: the window is reported and decided about, whatever was decided; with --exit-code 3: a decision other than
nothing; with --retrain and without --follow that of headrace retrain, where it ran. Notices go to the addresses in
HEADRACE_NOTICE_ADDRESSES.
"""
_DECIDED = 3
_GRACE = timedelta(minutes=2)
_RETRY_SECONDS = 60.0
_POLL_SECONDS = 2.0
_MOST_SENTENCES = 5
_NEXT_STEPS = {
    "retrain": "headrace retrain {model} {store}",
    "roll_back": "headrace pull-out {model} {store}",
    "stop": "repair what sends the rows; nothing is trained on them",
}


def run(
    model: Model,
    store: Annotated[str, typer.Argument(metavar="STORE", help="Monitoring store: a folder, or s3://BUCKET/PREFIX.")],
    *,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Monitoring policy.", show_default="that of headrace monitor policy"),
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Server of the model whose /metrics are read, such as http://10.0.0.7:8080."),
    ] = None,
    prometheus: Annotated[str, typer.Option(metavar="URL", help="Prometheus, in place of the servers.")] = "",
    selector: Annotated[str, typer.Option(help='Label matchers for Prometheus, such as namespace="models".')] = "",
    name: Annotated[
        str, typer.Option(help="Name under which servers serve the model.", show_default="the model's")
    ] = "",
    trained: Annotated[
        str, typer.Option(metavar="TIME", help="When MODEL was trained.", show_default="what the registry says")
    ] = "",
    feedback: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="abtest.json of a new version, for a policy with instant_feedback."),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Time of the run, such as 2026-03-01 or 2026-03-01T06:00:00Z.", show_default="now"
        ),
    ] = "",
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="HTML page of the model in use to write.")] = None,
    earlier: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Earlier version, so that its windows are measured by all labels too."),
    ] = None,
    shadow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="Version that answers nobody, to be scored on the same rows; beside the registry's own shadows.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with each window that ends, until SIGTERM or Ctrl-C.")
    ] = False,
    gauges: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="Gauges for Prometheus: HOST:PORT to serve at /metrics with --follow, or a file .prom to write.",
        ),
    ] = "",
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Run headrace retrain where that is decided and need not wait for a person; its failure never ends "
            "--follow.",
        ),
    ] = False,
    retrain_option: Annotated[
        list[str] | None,
        typer.Option(metavar="OPTION", help="Option of headrace retrain, such as --old=trips.csv; repeatable."),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 if anything other than nothing was decided.")
    ] = False,
    summary: SummaryFile = None,
    verbose: Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Report about the latest window of MODEL, and decide by its policy; what stands in STORE stays."""
    from headrace.api.model_reference import open_model  # noqa: PLC0415
    from headrace.api.monitoring import monitor as monitoring  # noqa: PLC0415 - slow to import
    from headrace.core.base.files import write_json  # noqa: PLC0415
    from headrace.core.monitors.reports.monitor_kinds import MONITORS  # noqa: PLC0415
    from headrace.core.monitors.reports.time_window import parse_typed_moment  # noqa: PLC0415
    from headrace.monitoring.gauges.monitor_gauges import MonitorRun, write_gauges  # noqa: PLC0415
    from headrace.monitoring.notices.notice_sender import read_addresses  # noqa: PLC0415
    from headrace.monitoring.pull_outs.successor import find_plan_fault  # noqa: PLC0415
    from headrace.monitoring.resources.window_resources import ResourceSource  # noqa: PLC0415

    written = Path(gauges) if gauges.endswith(".prom") else None
    _refuse(
        {
            "--follow goes with the clock; leave out --at.": follow and at,
            "--gauges are served while the monitor runs: add --follow, or name a file .prom.": gauges
            and not (written or follow),
            "--earlier is for the page: add --page.": earlier and page is None,
            "--selector and --name say what Prometheus is asked: add --prometheus.": (selector or name)
            and not prometheus,
            "--retrain-option is for the retraining that --retrain starts; add --retrain.": retrain_option
            and not retrain,
        }
    )
    training = [*([f"--policy={policy}"] if policy else []), *(retrain_option or ()), "--", model, store]
    check_arguments(training)
    rules = monitoring.read_policy(policy)
    known = parse_typed_moment(trained) if trained else None
    tested = monitoring.read_feedback(feedback) if feedback else None
    addresses = read_addresses()
    with open_model(model) as bundle:
        served_name = name or bundle.name
        fault = find_plan_fault(rules, bundle.name, bundle.digest)
    if fault:
        typer.echo(fault, err=True)
    if (prometheus or server) and not any(MONITORS[one].level == "resource" for one in rules.monitors):
        typer.echo("The policy watches none of the servers' monitors (such as availability): their state is not used.")
    resources = ResourceSource(served_name, prometheus, tuple(server or ()), selector)

    def look(now: datetime) -> "MonitoredWindow":
        found = monitoring.monitor(
            model,
            store,
            now=now,
            policy=rules,
            trained=known,
            feedback=tested,
            resources=resources,
            addresses=addresses,
            shadows=shadow or (),
        )
        if written:
            write_gauges(written, [MonitorRun(found.report, now, found.decision.outcome, rules.length.total_seconds())])
        _describe(found, model, store, is_carried_out=retrain and _is_due(found))
        if page is not None:
            place = ", ".join(server or ())
            monitoring.write_monitor_page(page, model, store, earlier=earlier or (), endpoint=place)
            typer.echo(f"  Page: {page}")
        if summary:
            write_json(summary, {"report": found.report.as_json(), "decision": found.decision.as_json()})
        return found

    with retraining_process(training) if retrain else contextlib.nullcontext() as retraining:
        if follow:
            _follow(look, rules, resources, gauges="" if written else gauges, retraining=retraining)
            return
        found = look(_past(parse_typed_moment(at)) if at else datetime.now(UTC) - _GRACE)
        if retraining is not None and _is_due(found) and (code := retraining.run()):
            raise typer.Exit(code)
    if exit_code and found.decision.outcome != "nothing":
        raise typer.Exit(_DECIDED)


def _refuse(faults: Mapping[str, object]) -> None:
    """Raise the first sentence whose fault is there.

    Raises:
        InputError: If there is one.
    """
    for sentence, present in faults.items():
        if present:
            raise InputError(sentence)


def _is_due(found: "MonitoredWindow") -> bool:
    """Return whether a retraining is decided, and no person must allow it first."""
    return found.decision.outcome == "retrain" and not found.decision.needs_approval


def _past(moment: datetime) -> datetime:
    """Return a moment that has passed.

    Raises:
        InputError: If it lies in the future: a report stands for ever, and its window must have ended.
    """
    if moment > datetime.now(UTC):
        raise InputError(f"--at must be a moment that has passed; {moment.isoformat()} lies in the future.")
    return moment


def _describe(found: "MonitoredWindow", model: str, store: str, *, is_carried_out: bool) -> None:
    from headrace.reports.monitoring.shadow_table import describe_shadows  # noqa: PLC0415 - as above

    report, decision = found.report, found.decision
    counts = {status: sum(one.status == status for one in report.results) for status in ("violated", "data_fault")}
    unknown = sum(one.status == "unknown" for one in report.results)
    typer.echo(
        f"{report.name} {report.digest[:12]}, {report.window.start} to {report.window.end}: "
        f"{describe_count(report.rows, 'row')}, {describe_count(report.labelled, 'new label')}; "
        f"{counts['violated']} violated, "
        f"{describe_count(counts['data_fault'], 'data fault')}, {unknown} "
        f"unknown. Decision: {decision.outcome.replace('_', ' ')}"
        f"{', which waits for a person' if decision.needs_approval else ''}."
    )
    for reason in decision.reasons:
        typer.echo(f"  {reason}")
    bad = [one.sentence for one in report.results if one.status in {"violated", "data_fault"}]
    unsaid = [sentence for sentence in bad if not any(sentence in reason for reason in decision.reasons)]
    for sentence in unsaid[:_MOST_SENTENCES]:
        typer.echo(f"  In this window: {sentence}")
    if len(unsaid) > _MOST_SENTENCES:
        typer.echo(f"  And {len(unsaid) - _MOST_SENTENCES} more, on the page (--page).")
    for line in describe_shadows(report):
        typer.echo(f"  {line}")
    if found.standing:
        typer.echo(f"  Note: {found.standing}")
    for note in report.notes:
        typer.echo(f"  Note: {note}")
    for text in (*found.notices.sent, *found.notices.failures):
        typer.echo(f"  Notice: {text}")
    step = _NEXT_STEPS.get(decision.outcome, "")
    if step and not is_carried_out:
        typer.echo(f"  Next: {step.format(model=model, store=store, name=report.name)}")


def _follow(
    look: "Callable[[datetime], MonitoredWindow]",
    rules: "MonitoringPolicy",
    resources: "ResourceSource",
    *,
    gauges: str,
    retraining: RetrainingProcess | None,
) -> None:
    """Look at each window that ends, until a signal; a failure is reported once and tried again."""
    from headrace.monitoring.decisions.decide_window import latest_window  # noqa: PLC0415 - as above
    from headrace.monitoring.gauges.gauge_server import GaugeBoard  # noqa: PLC0415
    from headrace.monitoring.gauges.monitor_gauges import MonitorRun  # noqa: PLC0415

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        if not is_ignored(number):
            signal.signal(number, lambda *_: ended.set())
    board = GaugeBoard(healthy_seconds=2 * rules.length.total_seconds() + _GRACE.total_seconds())
    resources.start()
    failure = ""
    with _serve(board, gauges):
        while not ended.is_set():
            now = datetime.now(UTC) - _GRACE
            try:
                found = look(now)
            except HeadraceError as error:
                if str(error) != failure:
                    typer.echo(f"headrace: {error} It is tried again each minute.", err=True)
                failure = str(error)
                board.report_alive()
                _wait(ended, _RETRY_SECONDS, retraining)
                continue
            failure = ""
            board.update(MonitorRun(found.report, now, found.decision.outcome, rules.length.total_seconds()))
            if retraining is not None and _is_due(found):
                retraining.start()
            following = latest_window(rules, now).end + rules.length
            _wait(ended, max((following - (datetime.now(UTC) - _GRACE)).total_seconds(), 1.0), retraining)


def _wait(ended: threading.Event, seconds: float, retraining: RetrainingProcess | None) -> None:
    """Wait for a signal, and meanwhile for the end of a retraining, which is reported."""
    end = time.monotonic() + seconds
    while not ended.is_set() and (left := end - time.monotonic()) > 0:
        is_running = retraining is not None and retraining.process is not None
        ended.wait(min(left, _POLL_SECONDS) if is_running else left)
        if retraining is not None:
            retraining.report_end()


@contextlib.contextmanager
def _serve(board: "GaugeBoard", address: str) -> Iterator[None]:
    if not address:
        yield
        return
    from headrace.monitoring.gauges.gauge_server import serve_gauges  # noqa: PLC0415 - as above

    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit():
        raise InputError(f"--gauges must be HOST:PORT; got {address!r} instead.")
    with serve_gauges(board, host=host, port=int(port)) as bound:
        typer.echo(f"Gauges: http://{host}:{bound}/metrics")
        yield
