"""Options of the commands that prepare a pipeline for a cluster."""

from dataclasses import dataclass
from typing import Annotated

import typer

from headrace.core.base.errors import InputError
from headrace.pipelines.definitions.task_options import TaskOptions, Toleration

Texts = list[str] | None


@dataclass(frozen=True)
class ClusterOptions:
    """How the steps of a pipeline run on a cluster, as typed; the annotations hold the help."""

    cpu: Annotated[Texts, typer.Option(help="CPUs of all steps, or of one; repeatable.", metavar="[STEP=]NUMBER")] = (
        None
    )
    memory: Annotated[
        Texts, typer.Option(help="Memory of all steps, or of one, such as 4Gi; repeatable.", metavar="[STEP=]SIZE")
    ] = None
    gpu: Annotated[Texts, typer.Option(help="GPUs of all steps, or of one; repeatable.", metavar="[STEP=]COUNT")] = None
    timeout: Annotated[
        Texts,
        typer.Option(help="Maximum time of each step, or of one, such as 2h; repeatable.", metavar="[STEP=]TIME"),
    ] = None
    retries: Annotated[
        Texts,
        typer.Option(
            help="Retries of a failed step; repeatable. They have no effect where Kubeflow's workflow controller has "
            "the retryPolicy OnError, which it ships with.",
            metavar="[STEP=]COUNT",
        ),
    ] = None
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache",
            help="Whether a step may reuse the outputs of an earlier run; steps with outside effects never do.",
        ),
    ] = True
    node_selector: Annotated[
        Texts, typer.Option(help="Label that nodes must have; repeatable.", metavar="KEY=VALUE")
    ] = None
    toleration: Annotated[
        Texts, typer.Option(help="Taint of nodes that the steps tolerate; repeatable.", metavar="KEY[=VALUE][:EFFECT]")
    ] = None
    image: Annotated[str, typer.Option(help="Image of the steps.", show_default="the suite's own")] = ""

    def task_options(self) -> TaskOptions:
        """Return the options as the compiler takes them.

        Raises:
            InputError: If one of them is invalid.
        """
        return TaskOptions(
            cpu=per_step(self.cpu, "--cpu"),
            memory=per_step(self.memory, "--memory"),
            gpu=per_step(self.gpu, "--gpu"),
            timeout=per_step(self.timeout, "--timeout"),
            retries=per_step(self.retries, "--retries"),
            cache=self.cache,
            node_selector=dict(_pair(text) for text in self.node_selector or []),
            tolerations=tuple(map(Toleration.parse, self.toleration or [])),
            image=self.image,
        )


def per_step(texts: Texts, option: str) -> dict[str, str]:
    """Parse texts such as ``2`` and ``train=4`` into values by step; the empty name stands for all steps.

    Raises:
        InputError: If a step is given two values.
    """
    values: dict[str, str] = {}
    for text in texts or []:
        step, equals, value = text.partition("=")
        step, value = (step.replace("-", "_"), value) if equals else ("", text)
        if step in values:
            raise InputError(f"{option} must be given once for {step or 'all steps'}; got {values[step]} and {value}.")
        values[step] = value
    return values


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--node-selector must be KEY=VALUE; got {text!r} instead.")
    return key, value
