"""``headrace forecast``: train a model of a series beside the seasonal naive forecast, and forecast with it."""

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headrace.cli.options import run_options, table_options
from headrace.cli.options.model_argument import Model
from headrace.core.runtime import step_events

EXAMPLES = """
Examples:

  headrace forecast train sales.csv --target sold --time day --horizon 14

  headrace forecast predict headrace-out/sales sales.csv -o next.csv
"""
TRAIN = """
Examples:

  headrace forecast train sales.csv --target sold --time day --horizon 14

  headrace forecast train shops.parquet --target sold --time day --series-key shop --known price --horizon 14 --season 7

  headrace forecast train co2.csv --target co2 --time month --horizon 12 --gaps previous --budget 10
"""
PREDICT = """
Examples:

  headrace forecast predict headrace-out/sales sales.csv -o next.csv

  headrace forecast predict sales@production 's3://lake/sales/*.parquet' -o next.parquet
"""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Forecasts of series: train a model beside the seasonal naive forecast, and forecast with it.",
    epilog=EXAMPLES,
)
_TRAINING = ("name", "families", "budget", "test_size", "metric_bounds", "champion", "card", "seed")


@app.command(name="train", epilog=TRAIN)
@table_options.with_training_options(
    *table_options.READING,
    "target",
    *_TRAINING,
    unset={"families": "direct_linear, hist_gradient_boosting", "missing_values": "the usual ones"},
)
def train(
    *,
    options: Mapping[str, Any],
    time: Annotated[str, typer.Option(metavar="COLUMN", help="Column of times; those with a zone are read as UTC.")],
    horizon: Annotated[int, typer.Option(help="Number of steps to forecast.", min=1)],
    series_key: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Column that tells series apart; repeatable.")
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column that is known beforehand, such as a price; repeatable."),
    ] = None,
    step: Annotated[
        str,
        typer.Option(help="Time between rows: a number and s, m, h, d, w, mo, q or y.", show_default="as in the table"),
    ] = "",
    length: Annotated[
        int,
        typer.Option(help="Rows that a forecast is made from.", min=0, show_default="two seasons, the horizon, or 12"),
    ] = 0,
    season: Annotated[
        int,
        typer.Option(help="Steps of a season, 1 for none.", min=0, show_default="what is usual for the step"),
    ] = 0,
    gaps: Annotated[
        Literal["refuse", "missing", "previous"],
        typer.Option(help="What a missing value means: an error, a missing value, or the value before it."),
    ] = "refuse",
    every: Annotated[int, typer.Option(help="Steps from one window to the next.", min=1)] = 1,
    publish: Annotated[
        bool, typer.Option(help="Whether a model that is not rejected is published and verified at an endpoint.")
    ] = True,
    output: run_options.Output = None,
    verbose: run_options.Verbose = False,
) -> None:
    """Train a model that forecasts a column of TABLE, and compare it with the seasonal naive forecast."""
    from headrace.api.forecasts.train import train_forecast  # noqa: PLC0415 - polars is slow to import
    from headrace.core.base.errors import quote  # noqa: PLC0415

    values = {name: value for name, value in options.items() if name not in {"source", "target"}}
    if not values["families"]:
        values.pop("families")
    values["budget"] = table_options.budget_of(values["budget"], 0)
    done = train_forecast(
        options["source"],
        options["target"],
        time=time,
        horizon=horizon,
        keys=tuple(series_key or ()),
        known=tuple(known or ()),
        step=step,
        length=length,
        season=season,
        gaps=gaps,
        every=every,
        output=output,
        publish=publish,
        serve=publish,
        progress=lambda line: typer.echo(f"  {line}"),
        verbose=verbose,
        **values,
    )
    series = done.backtest.series
    typer.echo(
        f"\n{quote(series['target'])} every {series['step']}: {series['horizon']} steps ahead from {series['length']} "
        f"values, a season of {series.get('season', 1)} steps."
    )
    for note in done.notes:
        typer.echo(note)
    typer.echo(f"The page is {done.page}; the gate says {done.run.verdict}.")
    typer.echo(f"Next: headrace forecast predict {shlex.quote(str(done.run.home))} TABLE -o FILE")
    typer.echo(done.backtest.conclusion)


@app.command(name="predict", epilog=PREDICT)
def predict(
    *,
    model: Model,
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="Path or address of the latest rows of each key; with known columns, also the rows that follow.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="File to write, .parquet or .csv.")],
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Forecast the series of TABLE with MODEL."""
    from headrace.api.forecasts.predict import forecast  # noqa: PLC0415 - polars is slow to import

    made = forecast(model, table, output=output, progress=partial(step_events.progress, "forecast"))
    typer.echo(f"{made.frame.height:,} values of {made.keys:,} series by {made.name}: {output}")
