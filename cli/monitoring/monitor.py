"""``headrace monitor``: the policy of a model's monitoring, and what was decided by it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.monitoring.alert_rules import RULES, rules
from headrace.cli.monitoring.default_command import DefaultCommandGroup
from headrace.cli.monitoring.run_monitor import RUN, run
from headrace.cli.options.model_argument import Model
from headrace.cli.options.registry_options import Json
from headrace.core.base.errors import InputError
from headrace.core.base.quantities import describe_count

if TYPE_CHECKING:
    from headrace.core.monitors.decisions.policy import MonitoringPolicy

EXAMPLES = """
Examples:

  headrace monitor headrace-out/tips monitoring --page monitor.html

  headrace monitor policy -o monitoring.yaml

  headrace monitor tips@production s3://monitoring/models --policy monitoring.yaml --follow

  headrace monitor decisions tips monitoring

  headrace monitor rules -o headrace-rules.yaml
"""
app = typer.Typer(
    cls=DefaultCommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Monitor a model in use: `headrace monitor MODEL STORE` is `headrace monitor run MODEL STORE`.",
    epilog=EXAMPLES,
)

POLICY = """
Examples:

  headrace monitor policy -o monitoring.yaml

  headrace monitor policy --check monitoring.yaml

  headrace monitor policy --check monitoring.yaml --model tips@production
"""
DECIDE = """
Examples:

  headrace monitor decide headrace-out/tips monitoring --policy monitoring.yaml

  headrace monitor decide tips@production s3://monitoring/models --policy monitoring.yaml --json
"""
DECISIONS = """
Examples:

  headrace monitor decisions tips monitoring
"""
_Store = Annotated[str, typer.Argument(metavar="STORE", help="Monitoring store: a folder, or s3://BUCKET/PREFIX.")]

app.command(epilog=RUN)(run)
app.command(epilog=RULES)(rules)


@app.command(epilog=POLICY)
def policy(
    check: Annotated[Path | None, typer.Option(metavar="FILE", help="Check this policy instead.")] = None,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="With --check: version in service, to check the pull-out plan for.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default="standard output"),
    ] = None,
) -> None:
    """Print the default monitoring policy with comments, to be edited; or check one."""
    from headrace.core.base.files import write_text  # noqa: PLC0415 - other commands need none of it
    from headrace.core.monitors.decisions.policy_yaml import default_text, load_policy  # noqa: PLC0415

    if model and not check:
        raise InputError("--model says for which version the policy of --check FILE is checked; name that file too.")
    if check:
        rules = load_policy(check)
        _check_pull_out(rules, model)
        typer.echo(
            f"{check}: {describe_count(len(rules.monitors), 'monitor')} over windows of a {rules.window}; each "
            f"report may raise a false alarm with a chance of {rules.alpha:.4g}. Digest {rules.digest[:12]}."
        )
        return
    if output is None:
        typer.echo(default_text(), nl=False)
        return
    if output.exists():
        raise InputError(f"{output} exists; name another file, or delete it.")
    write_text(output, default_text())
    typer.echo(f"{output} is written: read it, edit it, then: headrace monitor policy --check {output}")


def _check_pull_out(rules: "MonitoringPolicy", model: str) -> None:
    if not model:
        return
    from headrace.api.monitoring.monitor import check_pull_out  # noqa: PLC0415 - slow to import

    fault = check_pull_out(rules, model)
    if fault:
        raise InputError(fault)


@app.command(epilog=DECIDE)
def decide(
    model: Model,
    store: _Store,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Monitoring policy.", show_default="that of headrace monitor policy"),
    ] = None,
    trained: Annotated[
        str, typer.Option(metavar="TIME", help="When MODEL was trained.", show_default="what the registry says")
    ] = "",
    new_labels: Annotated[
        int, typer.Option(metavar="N", help="New labelled rows since then.", show_default="what the reports say")
    ] = -1,
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Time of the decision, such as 2026-03-01 or 2026-03-01T06:00:00Z.", show_default="now"
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Decide about MODEL after the latest window that has ended, once, by its reports in STORE."""
    import json  # noqa: PLC0415 - as below

    from headrace.api.monitoring.monitor import decide as decide_about  # noqa: PLC0415 - slow to import
    from headrace.api.monitoring.monitor import read_policy  # noqa: PLC0415
    from headrace.core.monitors.reports.time_window import parse_typed_moment  # noqa: PLC0415
    from headrace.monitoring.decisions.decide_window import describe_standing  # noqa: PLC0415

    rules = read_policy(policy)
    decision, place = decide_about(
        model,
        store,
        policy=rules,
        trained=parse_typed_moment(trained) if trained else None,
        new_labels=new_labels if new_labels >= 0 else None,
        now=parse_typed_moment(at) if at else datetime.now(UTC),
    )
    if as_json:
        typer.echo(json.dumps(decision.as_json(), indent=1))
        return
    approval = ", and waits for a person" if decision.needs_approval else ""
    window = f"{decision.window.start} to {decision.window.end}"
    typer.echo(f"{decision.name} {decision.digest[:12]}, {window}: {decision.outcome.replace('_', ' ')}{approval}.")
    for reason in decision.reasons:
        typer.echo(f"  {reason}")
    standing = describe_standing(decision, rules)
    if standing:
        typer.echo(f"  Note: {standing}")
    typer.echo(f"The decision stands in {store}, and {place}.")


@app.command(epilog=DECISIONS)
def decisions(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")], store: _Store) -> None:
    """List the decisions about a model, the newest last."""
    from headrace.cli.output.text_table import align_rows, cut  # noqa: PLC0415 - as above
    from headrace.monitoring.decisions.history import HistoryStore  # noqa: PLC0415
    from headrace.stores.objects.open_objects import open_objects  # noqa: PLC0415

    rows = [
        [one.window.end, one.digest[:12], one.outcome.replace("_", " "), cut(one.reasons[0], 90)]
        for one in HistoryStore(open_objects(store), name).decisions()
    ]
    if not rows:
        raise InputError(f"there are no decisions about {name} in {store}: headrace monitor decide makes one.")
    typer.echo(align_rows(["window until", "version", "outcome", "reason"], rows))
