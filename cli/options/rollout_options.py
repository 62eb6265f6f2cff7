"""The options of ``headrace rollout``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.options import run_options
from headrace.cli.options.kubernetes_options import Context, Gateway, Namespace
from headrace.core.base.errors import InputError

ACTIONS = ("status", "pause", "resume", "abort")
"""Commands for a rollout that is under way; each is an option."""

StepRequests = Annotated[int, typer.Option(help="Minimum requests to the candidate in a step.", min=1)]
StepDuration = Annotated[
    str, typer.Option(help="Minimum duration of a step.", metavar="TIME", show_default="60s; local 2s")
]
StepTimeout = Annotated[
    str, typer.Option(help="Maximum duration of a step.", metavar="TIME", show_default="1h; local 5m")
]
PollInterval = Annotated[
    str, typer.Option(help="Time between two polls of the metrics.", metavar="TIME", show_default="15s; local 1s")
]
FloorMs = Annotated[float, typer.Option(help="Latency below which requests count as equally fast.", min=0)]
TrafficMethod = Annotated[
    str,
    typer.Option(help="KServe: how requests are split: canary, knative or graph.", show_default="by the cluster"),
]


def tolerance_option(unset: str) -> Any:
    """Return the option ``--tolerance``.

    Args:
        unset: What applies if it is not given, for the help.
    """
    return typer.Option(
        "--tolerance",
        metavar="CHECK=NUMBER",
        help="How much worse the candidate may be: errors, latency, slow, shift, outcome; repeatable.",
        show_default=unset,
    )


def parse_steps(text: str) -> list[int]:
    """Parse the shares of the requests, such as ``1,5,25,50,100``.

    Raises:
        InputError: If they are no whole numbers.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"--steps must be percents such as 1,5,25,50,100; got {text!r} instead.") from error


def parse_tolerances(texts: list[str] | None) -> dict[str, float]:
    """Parse tolerances such as ``errors=0.02``.

    Raises:
        InputError: If a text is not of that form.
    """
    return run_options.bounds(texts or [], option="--tolerance", example="errors=0.02")


@dataclass(frozen=True)
class RolloutOptions:
    """Options of a rollout; the annotations hold their help."""

    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Name of the endpoint on KServe; with --platform local the folder or URI of the version in service.",
        ),
    ]
    candidate: Annotated[str, typer.Option(help="Folder or store URI of the new version.", metavar="MODEL")] = ""
    platform: Annotated[str, typer.Option(help="Where the endpoint is: kserve or local.")] = "kserve"
    table: Annotated[
        str, typer.Option(help="Local: table whose rows are sent as requests, again and again.", metavar="TABLE")
    ] = ""
    target: Annotated[
        str,
        typer.Option(help="Local: its column with the true labels.", metavar="COLUMN", show_default="the contract's"),
    ] = ""
    key: Annotated[
        str,
        typer.Option(
            help="Local: its column by which requests are divided, so that a client keeps its version.",
            metavar="COLUMN",
            show_default="at random",
        ),
    ] = ""
    rate: Annotated[float, typer.Option(help="Local: requests per second.", min=0, show_default="no limit")] = 0.0
    seed: run_options.Seed = 0
    steps: Annotated[str, typer.Option(help="Shares of the requests, in percent.")] = "1,5,25,50,100"
    step_requests: StepRequests = 200
    step_duration: StepDuration = ""
    step_timeout: StepTimeout = ""
    poll_interval: PollInterval = ""
    on_timeout: Annotated[str, typer.Option(help="What to do at the end of --step-timeout: rollback or promote.")] = (
        "rollback"
    )
    tolerance: Annotated[
        list[str] | None, tolerance_option("errors=0.01 latency=1.5 slow=0.02 shift=0.2 outcome=0.05")
    ] = None
    alpha: Annotated[
        float, typer.Option(help="Significance level: the probability that a good candidate is rolled back.")
    ] = 0.05
    floor_ms: FloorMs = 5.0
    slow_ms: Annotated[
        float,
        typer.Option(
            help="Latency above which a request is slow.", min=0, show_default="the stable version's 99th percentile"
        ),
    ] = 0.0
    traffic: TrafficMethod = ""
    prometheus: Annotated[
        str,
        typer.Option(
            help="KServe: address of Prometheus, which has the metrics.",
            metavar="URL",
            show_default="the pods themselves",
        ),
    ] = ""
    selector: Annotated[str, typer.Option(help='Prometheus: further label matchers, such as namespace="models".')] = ""
    labelled_query: Annotated[
        str,
        typer.Option(help="Prometheus: query of the number of labelled predictions, by digest.", metavar="PROMQL"),
    ] = ""
    error_query: Annotated[
        str, typer.Option(help="Prometheus: query of the number of wrong ones among them, by digest.", metavar="PROMQL")
    ] = ""
    namespace: Namespace = ""
    context: Context = ""
    gateway: Gateway = ""
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the record.", show_default="headrace-out/rollout")
    ] = None
    status: Annotated[bool, typer.Option("--status", help="Print the state of the rollout.")] = False
    pause: Annotated[
        bool, typer.Option("--pause", help="Stay at the current step; a bad candidate is still rolled back.")
    ] = False
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a paused rollout, or one whose process has ended, from here.")
    ] = False
    abort: Annotated[bool, typer.Option("--abort", help="End the rollout and roll the candidate back.")] = False
    verbose: run_options.Verbose = False

    @property
    def actions(self) -> tuple[str, ...]:
        """The requested actions."""
        return tuple(action for action in ACTIONS if getattr(self, action))

    @property
    def folder(self) -> Path:
        """Folder of the record."""
        return self.output or Path("headrace-out") / "rollout"
