"""``headrace abtest``: plan an A/B test, assign its keys, and say what may be concluded from its table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headrace.cli.options import run_options, table_options
from headrace.core.base.errors import InputError, quote
from headrace.core.base.quantities import describe_count

EXAMPLES = """
Examples:

  headrace abtest plan new-model --metric converted,rate=0.10,effect=0.01 --key client -o plan.json

  headrace abtest assign clients.csv --plan plan.json -o assigned.csv

  headrace abtest analyze results.csv --plan plan.json --time day
"""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="A/B tests of two versions: the plan, the fixed assignment, and what may be concluded.",
    epilog=EXAMPLES,
)

PLAN = """
Examples:

  headrace abtest plan new-model --metric converted,rate=0.10,effect=0.01 -o plan.json

  headrace abtest plan new-model --metric revenue,mean=20,sd=35,effect=1,covariate=revenue_before,correlation=0.6
    --guard latency_ms,mean=80,sd=60,margin=4,better=lower --daily-keys 2000 -o plan.json

  headrace abtest plan new-model --metric converted,rate=0.10 --keys 20000
"""
ASSIGN = """
Examples:

  headrace abtest assign clients.csv --plan plan.json -o assigned.csv

  headrace abtest assign clients.parquet --test new-model --key client --share 0.2 -o assigned.parquet
"""
ANALYZE = """
Examples:

  headrace abtest analyze results.parquet --plan plan.json

  headrace abtest analyze results.csv --plan plan.json --time day -o results/abtest.json
"""
_Share = Annotated[float, typer.Option(help="The candidate's share of the keys.")]
_Key = Annotated[str, typer.Option(metavar="COLUMN", help="Column of the keys, such as the client's id.")]
_Version = Annotated[str, typer.Option("--version-column", metavar="COLUMN", help="Column of the versions.")]
_Baseline = Annotated[str, typer.Option(metavar="NAME", help="Name of the version in service, in that column.")]
_Candidate = Annotated[str, typer.Option(metavar="NAME", help="Name of the new version.")]
_PlanFile = typer.Option("--plan", metavar="FILE", help="Plan that headrace abtest plan wrote.", show_default=False)
_READING = tuple(name for name in table_options.READING if name != "missing_values")


@app.command(name="plan", epilog=PLAN)
def plan(
    name: Annotated[str, typer.Argument(metavar="TEST", help="Name of the test, on which the assignment depends.")],
    metric: Annotated[
        list[str],
        typer.Option(
            metavar="NAME,FACT=VALUE,...",
            help="Primary metric: a column with its rate, or its mean and sd, and the smallest effect worth finding; "
            "also margin, better=lower, per=key or per=COLUMN, covariate with correlation; repeatable.",
        ),
    ],
    guard: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,FACT=VALUE,...", help="Guard: the same with the margin that it may lose; repeatable."
        ),
    ] = None,
    share: _Share = 0.5,
    alpha: Annotated[
        float, typer.Option(help="Chance that a candidate which changes nothing is called better or worse.")
    ] = 0.05,
    power: Annotated[float, typer.Option(help="Chance that the effect is found and every guard is kept.")] = 0.8,
    looks: Annotated[
        Literal["any", "once"],
        typer.Option(
            help="When the result is looked at: any time, or once at the planned size, which takes fewer keys."
        ),
    ] = "any",
    keys: Annotated[
        int,
        typer.Option(help="Keys of both versions together.", min=0, show_default="as many as the metrics take"),
    ] = 0,
    daily_keys: Annotated[
        float | None, typer.Option(help="New keys a day, for the days that it takes.", show_default=False)
    ] = None,
    key: _Key = "key",
    version: _Version = "version",
    baseline: _Baseline = "baseline",
    candidate: _Candidate = "candidate",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="JSON file for the plan.", show_default=False)
    ] = None,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Plan TEST: the number of keys for an effect and a power, or the smallest effect for a number of keys."""
    from headrace.api.monitoring.ab_tests import plan_ab_test  # noqa: PLC0415 - polars is slow to import
    from headrace.cli.output.ab_test_output import describe_plan  # noqa: PLC0415
    from headrace.core.base.files import write_json  # noqa: PLC0415

    the_plan = plan_ab_test(
        name,
        metrics=metric,
        guards=guard or (),
        share=share,
        alpha=alpha,
        power=power,
        looks=looks,
        keys=keys,
        daily_keys=daily_keys,
        key=key,
        version=version,
        baseline=baseline,
        candidate=candidate,
    )
    if output:
        write_json(output, the_plan.as_json())
    typer.echo(describe_plan(the_plan))
    if output:
        typer.echo(f"Next: headrace abtest assign TABLE --plan {output} -o OUT")


@app.command(name="assign", epilog=ASSIGN)
@table_options.with_training_options("source", *_READING)
def assign(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="A file .parquet or .csv.")],
    plan_file: Annotated[Path | None, _PlanFile] = None,
    test: Annotated[str, typer.Option(metavar="TEST", help="Without a plan: name of the test.")] = "",
    key: _Key = "key",
    share: _Share = 0.5,
    version: _Version = "version",
    baseline: _Baseline = "baseline",
    candidate: _Candidate = "candidate",
    options: Mapping[str, Any],
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Add to TABLE the version of each row's key: always the same for a key, in every language that repeats it."""
    from headrace.api.monitoring.ab_tests import assign_versions  # noqa: PLC0415 - polars is slow to import
    from headrace.core.ab_tests.plan import ABTestPlan  # noqa: PLC0415

    if (plan_file is None) == (not test):
        raise InputError(f"either --plan or --test must be given; got {quote(str(plan_file))} and {quote(test)}.")
    values: dict[str, Any] = {"test": test, "key": key, "share": share, "version": version}
    values |= {"baseline": baseline, "candidate": candidate}
    if plan_file is not None:
        the_plan = ABTestPlan.read(plan_file)
        values = {name: getattr(the_plan, name) for name in values if name != "test"} | {"test": the_plan.name}
    counts = assign_versions(options["source"], output=output, **values, **_reading(options))
    shown = ", ".join(f"{count:,} to {name}" for name, count in counts.items())
    typer.echo(f"{describe_count(sum(counts.values()), 'row')} assigned, {shown}: {output}")


@app.command(name="analyze", epilog=ANALYZE)
@table_options.with_training_options("source", *_READING)
def analyze(
    *,
    plan_file: Annotated[Path, _PlanFile],
    time: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Column of dates or times, for the confidence sequence over time.",
            show_default=False,
        ),
    ] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="JSON file to write; its page is beside it.")
    ] = Path("abtest.json"),
    options: Mapping[str, Any],
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Say what may be concluded from TABLE, whose rows have a key, a version and the metrics of the plan."""
    from headrace.api.monitoring.ab_tests import analyze_ab_test  # noqa: PLC0415 - polars is slow to import
    from headrace.cli.output.ab_test_output import describe_result  # noqa: PLC0415
    from headrace.core.base.files import write_json  # noqa: PLC0415
    from headrace.reports.ab_test.page import write  # noqa: PLC0415

    if output.suffix.lower() == ".html":
        raise InputError(f"the output must be the JSON file, beside which the page is written; got {output}.")
    result = analyze_ab_test(options["source"], plan=plan_file, time=time, **_reading(options))
    write_json(output, result.as_json())
    page = output.with_suffix(".html")
    write(page, result)
    typer.echo(describe_result(result))
    typer.echo(f"\nThe page is {page}, the figures are in {output}.")


def _reading(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the reader by their names in ``ReadOptions``."""
    from headrace.api.training_arguments import field_separator  # noqa: PLC0415 - polars is slow to import

    values = {name: value for name, value in options.items() if name != "source"}
    return {**values, "delimiter": field_separator(values.get("delimiter", ""))}
