"""Options of commands that prepare pipelines for a cluster."""

from typing import Annotated

import typer

from headrace.core.base.errors import InputError
from headrace.pipelines.definitions.task_options import TaskOptions, Toleration

Texts = list[str] | None
Cpu = Annotated[Texts, typer.Option(help="Processors of each step, or of one; repeatable.", metavar="[STEP=]NUMBER")]
Memory = Annotated[Texts, typer.Option(help="Memory, likewise, such as 4Gi.", metavar="[STEP=]SIZE")]
Gpu = Annotated[Texts, typer.Option(help="GPUs, likewise.", metavar="[STEP=]COUNT")]
Timeout = Annotated[Texts, typer.Option(help="Longest time, likewise, such as 2h.", metavar="[STEP=]TIME")]
Retries = Annotated[
    Texts,
    typer.Option(
        help="Retries of a failed step, likewise. Without effect where Kubeflow's workflow controller has the "
        "retryPolicy OnError, which it ships with.",
        metavar="[STEP=]COUNT",
    ),
]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Whether a step may reuse the outputs of an earlier run; steps with outside effects never do.",
    ),
]
NodeSelector = Annotated[Texts, typer.Option(help="Label that nodes must have; repeatable.", metavar="KEY=VALUE")]
Tolerate = Annotated[
    Texts, typer.Option(help="Taint of nodes that is tolerated; repeatable.", metavar="KEY[=VALUE][:EFFECT]")
]
Image = Annotated[str, typer.Option(help="Image of the steps.", show_default="the suite's own")]


def task_options(
    *,
    cpu: Texts,
    memory: Texts,
    gpu: Texts,
    timeout: Texts,
    retries: Texts,
    cache: bool,
    node_selector: Texts,
    toleration: Texts,
    image: str,
) -> TaskOptions:
    """Collect the options of a command in one value.

    Raises:
        InputError: If one of them is invalid.
    """
    return TaskOptions(
        cpu=per_step(cpu, "--cpu"),
        memory=per_step(memory, "--memory"),
        gpu=per_step(gpu, "--gpu"),
        timeout=per_step(timeout, "--timeout"),
        retries=per_step(retries, "--retries"),
        cache=cache,
        node_selector=dict(_pair(text) for text in node_selector or []),
        tolerations=tuple(map(Toleration.parse, toleration or [])),
        image=image,
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
