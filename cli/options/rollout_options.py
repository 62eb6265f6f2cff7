"""The options of ``headrace rollout``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options

ACTIONS = ("status", "pause", "resume", "abort")
"""Commands for a rollout that is under way; each is an option."""


@dataclass(frozen=True)
class RolloutOptions:
    """Options of a rollout; the annotations hold their help."""

    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Name of the endpoint on KServe; with --to local the folder or URI of the version in service.",
        ),
    ]
    candidate: Annotated[str, typer.Option(help="Folder or store URI of the new version.", metavar="MODEL")] = ""
    to: Annotated[str, typer.Option(help="kserve or local.")] = "kserve"
    table: Annotated[str, typer.Option(help="Local: table whose rows are sent, repeatedly.")] = ""
    target: Annotated[str, typer.Option(help="Local: its column of truth.", show_default="the contract's")] = ""
    rate: Annotated[float, typer.Option(help="Local: requests a second.", min=0, show_default="all it can")] = 0.0
    seed: run_options.Seed = 0
    steps: Annotated[str, typer.Option(help="Shares of the requests, in percent.")] = "1,5,25,50,100"
    step_requests: Annotated[int, typer.Option(help="Minimum requests to the candidate in a step.", min=1)] = 200
    step_time: Annotated[str, typer.Option(help="Shortest time of a step.", show_default="60s; local 2s")] = ""
    patience: Annotated[str, typer.Option(help="Longest time of a step.", show_default="1h; local 5m")] = ""
    look: Annotated[str, typer.Option(help="Time between two polls.", show_default="15s; local 1s")] = ""
    tolerate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK=NUMBER",
            help="How much worse it may be: errors, latency, slow, shift, outcome; repeatable.",
            show_default="errors=0.01 latency=1.5 slow=0.02 shift=0.2 outcome=0.05",
        ),
    ] = None
    alpha: Annotated[float, typer.Option(help="Chance that a good candidate is rolled back.")] = 0.05
    floor_ms: Annotated[float, typer.Option(help="Latencies below this count as equal.", min=0)] = 5.0
    slow_ms: Annotated[
        float, typer.Option(help="Latency from which a request is slow.", min=0, show_default="the stable's 99 %")
    ] = 0.0
    undecided: Annotated[str, typer.Option(help="After the longest time: rollback or promote.")] = "rollback"
    traffic: Annotated[
        str, typer.Option(help="KServe: canary, knative or graph.", show_default="what the cluster offers")
    ] = ""
    prometheus: Annotated[
        str, typer.Option(help="KServe: Prometheus' address.", metavar="URL", show_default="the pods themselves")
    ] = ""
    selector: Annotated[str, typer.Option(help='Further label matchers, such as namespace="models".')] = ""
    known: Annotated[str, typer.Option(help="PromQL: number of labelled predictions, by digest.")] = ""
    wrong: Annotated[str, typer.Option(help="PromQL: number of those that were wrong, by digest.")] = ""
    namespace: Annotated[str, typer.Option(help="Namespace.", show_default="the context's, or the pod's own")] = ""
    context: Annotated[str, typer.Option(help="Context of the kubeconfig.", show_default="the current one")] = ""
    gateway: Annotated[str, typer.Option(help="Gateway, from outside.", metavar="HOST:PORT", show_default="none")] = ""
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the record.", show_default="headrace-out/rollout")
    ] = None
    status: Annotated[bool, typer.Option("--status", help="Print the state of the rollout.")] = False
    pause: Annotated[bool, typer.Option("--pause", help="Stay at this step; a bad candidate is still rolled back.")] = (
        False
    )
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a paused rollout, or run here one whose process has ended.")
    ] = False
    abort: Annotated[bool, typer.Option("--abort", help="Roll the candidate back.")] = False
    verbose: run_options.Verbose = False

    @property
    def actions(self) -> tuple[str, ...]:
        """The requested actions."""
        return tuple(action for action in ACTIONS if getattr(self, action))

    @property
    def folder(self) -> Path:
        """Folder of the record."""
        return self.output or Path("headrace-out") / "rollout"
