"""``headrace monitor rules``: rules of Prometheus and a dashboard of Grafana for objectives of one's own."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

RULES = """
Examples:

  headrace monitor rules -o headrace-rules.yaml

  headrace monitor rules --objective name=up,kind=availability,target=0.995
  --objective name=fast,kind=latency,target=0.95,threshold_seconds=0.1,period_days=7 --format operator
"""


class RuleFormat(StrEnum):
    """What is written."""

    FILE = "file"
    OPERATOR = "operator"
    DASHBOARD = "dashboard"


def rules(
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE,...",
            help="An objective: name, kind (availability, latency), target, threshold_seconds, period_days, least_bad.",
            show_default="99.9 % available, 99 % within 250 ms, over 30 days",
        ),
    ] = None,
    rule_format: Annotated[
        RuleFormat,
        typer.Option("--format", help="A rules file of Prometheus, a PrometheusRule, or a ConfigMap for Grafana."),
    ] = RuleFormat.FILE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default="standard output"),
    ] = None,
) -> None:
    """Write recording rules, alerts or the dashboard for the models that Prometheus scrapes."""
    from headrace.core.base.files import write_text  # noqa: PLC0415 - other commands need none of it
    from headrace.core.monitors.service.service_objectives import (  # noqa: PLC0415
        DEFAULT_OBJECTIVES,
        check_names,
        explain_omitted_windows,
        parse_objective,
    )
    from headrace.monitoring.rules.dashboard import render_dashboard  # noqa: PLC0415
    from headrace.monitoring.rules.rule_files import render_prometheus_rule, render_rules  # noqa: PLC0415

    objectives = tuple(map(parse_objective, objective or ())) or DEFAULT_OBJECTIVES
    check_names(objectives)
    renderers = {
        RuleFormat.FILE: render_rules,
        RuleFormat.OPERATOR: render_prometheus_rule,
        RuleFormat.DASHBOARD: render_dashboard,
    }
    text = renderers[rule_format](objectives)
    for sentence in explain_omitted_windows(objectives):
        typer.echo(sentence, err=True)
    if output is None:
        typer.echo(text, nl=False)
        return
    write_text(output, text)
    typer.echo(f"{output} is written.")
