"""The options of ``headrace rollout``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options

ACTIONS = ("status", "pause", "resume", "abort")
"""What may be done with a rollout that is under way; each is an option."""


@dataclass(frozen=True)
class RolloutOptions:
    """What a user wants of a rollout; the annotations say what each is."""

    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Name of the endpoint on KServe; with --to local the folder or URI that answers now."
        ),
    ]
    candidate: Annotated[str, typer.Option(help="Folder or store URI of the new version.", metavar="MODEL")] = ""
    to: Annotated[str, typer.Option(help="kserve or local.")] = "kserve"
    table: Annotated[str, typer.Option(help="Local: table whose rows are sent, again and again.")] = ""
    target: Annotated[str, typer.Option(help="Local: its column of truth.", show_default="the contract's")] = ""
    rate: Annotated[float, typer.Option(help="Local: requests a second.", min=0, show_default="all it can")] = 0.0
    seed: run_options.Seed = 0
    steps: Annotated[str, typer.Option(help="Shares of the requests, in percent.")] = "1,5,25,50,100"
    step_requests: Annotated[int, typer.Option(help="Fewest requests of the candidate in a step.", min=1)] = 200
    step_time: Annotated[str, typer.Option(help="Shortest time of a step.", show_default="60s; local 2s")] = ""
    patience: Annotated[str, typer.Option(help="Longest time of a step.", show_default="1h; local 5m")] = ""
    look: Annotated[str, typer.Option(help="Time between two looks.", show_default="15s; local 1s")] = ""
    tolerate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK=NUMBER",
            help="How much worse it may be: errors, latency, slow, shift, outcome; repeatable.",
            show_default="errors=0.01 latency=1.5 slow=0.02 shift=0.2 outcome=0.05",
        ),
    ] = None
    alpha: Annotated[float, typer.Option(help="Chance that a good candidate is sent back.")] = 0.05
    floor_ms: Annotated[float, typer.Option(help="Times below this are all the same.", min=0)] = 5.0
    slow_ms: Annotated[
        float, typer.Option(help="From when on a request is slow.", min=0, show_default="the stable's 99 %")
    ] = 0.0
    undecided: Annotated[str, typer.Option(help="After the patience: rollback or promote.")] = "rollback"
    traffic: Annotated[
        str, typer.Option(help="KServe: canary, knative or graph.", show_default="what the cluster offers")
    ] = ""
    prometheus: Annotated[
        str, typer.Option(help="KServe: Prometheus' address.", metavar="URL", show_default="ask the pods")
    ] = ""
    selector: Annotated[str, typer.Option(help='Further label matchers, such as namespace="models".')] = ""
    known: Annotated[str, typer.Option(help="PromQL: predictions whose truth is known, by digest.")] = ""
    wrong: Annotated[str, typer.Option(help="PromQL: those that were wrong, by digest.")] = ""
    namespace: Annotated[str, typer.Option(help="Namespace.", show_default="the context's, or the pod's own")] = ""
    context: Annotated[str, typer.Option(help="Context of the kubeconfig.", show_default="the current one")] = ""
    via: Annotated[str, typer.Option(help="Gateway, from outside.", metavar="HOST:PORT", show_default="none")] = ""
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the record.", show_default="headrace-out/rollout")
    ] = None
    status: Annotated[bool, typer.Option("--status", help="Tell where the rollout is.")] = False
    pause: Annotated[bool, typer.Option("--pause", help="Go no further; what is bad still goes back.")] = False
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on: with a paused one, or here with one that nobody goes on with.")
    ] = False
    abort: Annotated[bool, typer.Option("--abort", help="Send the candidate back.")] = False
    verbose: run_options.Verbose = False

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that are asked for."""
        return tuple(action for action in ACTIONS if getattr(self, action))

    @property
    def folder(self) -> Path:
        """Folder of the record."""
        return self.output or Path("headrace-out") / "rollout"
