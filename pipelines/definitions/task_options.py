"""What a cluster is to give the steps of a pipeline: resources, time, retries, nodes; applied to all of them here."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.core.base.errors import InputError, quote
from headrace.experiments.search.budget import seconds

PerStep = Mapping[str, str]
"""A value for each step by its name, and under the empty name for all others."""
Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
_EFFECTS: tuple[Effect, ...] = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_CPU = re.compile(r"[0-9]+(\.[0-9]+)?m?")
_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTP]i?)?")
_COUNT = re.compile(r"[0-9]{1,3}")
_LABEL = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
_GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Toleration:
    """A taint of nodes that steps may run on all the same.

    Attributes:
        key: The taint's key.
        value: Its value; empty for any.
        effect: ``NoSchedule``, ``PreferNoSchedule`` or ``NoExecute``; empty for all.
    """

    key: str
    value: str = ""
    effect: str = ""

    @classmethod
    def parse(cls, text: str) -> "Toleration":
        """Read ``KEY``, ``KEY=VALUE``, ``KEY:EFFECT`` or ``KEY=VALUE:EFFECT``, as kubectl writes taints.

        Raises:
            InputError: If it is none of these.
        """
        taint, _, effect = text.partition(":")
        key, _, value = taint.partition("=")
        if not _LABEL.fullmatch(key) or not _LABEL_VALUE.fullmatch(value) or effect not in {"", *_EFFECTS}:
            raise InputError(
                f"a toleration must be KEY, KEY=VALUE, KEY:EFFECT or KEY=VALUE:EFFECT, with one of {list(_EFFECTS)}; "
                f"got {quote(text)}."
            )
        return cls(key, value, effect)


@dataclass(frozen=True)
class TaskOptions:
    """What a cluster is to give the steps.

    Attributes:
        cpu: Processors, requested and allowed, such as ``2`` or ``500m``.
        memory: Memory, likewise, such as ``4Gi``.
        gpu: Number of GPUs.
        timeout: Longest time of a step, such as ``90s``, ``5m`` or ``2h``.
        retries: How often a step that failed is run again. The workflow controller that KFP ships with does not: its
            retryPolicy is ``OnError``.
        cache: Whether outputs of an earlier run may be taken, where a step does not act on the world; False for none.
        node_selector: Labels that the nodes must have.
        tolerations: Taints that they may have.
        image: Image of the steps; empty for the suite's own.
    """

    cpu: PerStep = field(default_factory=dict)
    memory: PerStep = field(default_factory=dict)
    gpu: PerStep = field(default_factory=dict)
    timeout: PerStep = field(default_factory=dict)
    retries: PerStep = field(default_factory=dict)
    cache: bool = True
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    image: str = ""

    def __post_init__(self) -> None:
        """Refuse values that Kubernetes would not take.

        Raises:
            InputError: If there is one.
        """
        _check("a number of processors must be like 2 or 500m", _CPU, self.cpu)
        _check("an amount of memory must be like 512Mi or 4Gi", _MEMORY, self.memory)
        _check("a number of GPUs must be a whole number", _COUNT, self.gpu)
        _check("a number of retries must be a whole number", _COUNT, self.retries)
        for text in self.timeout.values():
            seconds(text)
        for key, value in self.node_selector.items():
            if not _LABEL.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                raise InputError(f"a node selector must be KEY=VALUE, a label of nodes; got {quote(f'{key}={value}')}.")

    @property
    def steps(self) -> set[str]:
        """Names of the steps that are given something of their own."""
        return {step for one in (self.cpu, self.memory, self.gpu, self.timeout, self.retries) for step in one if step}


def _check(what: str, pattern: re.Pattern[str], values: PerStep) -> None:
    for value in values.values():
        if not pattern.fullmatch(value):
            raise InputError(f"{what}; got {quote(value)} instead.")


def _of(values: PerStep, step: str) -> str:
    return values.get(step, values.get("", ""))


def apply_options(pipeline: Any, options: TaskOptions) -> Any:
    """The pipeline with the options applied to each of its steps.

    Args:
        pipeline: A pipeline function of KFP.
        options: The options.

    Raises:
        InputError: If a step that is given something of its own is not in it.
    """
    if options == TaskOptions():
        return pipeline
    from kfp import dsl  # noqa: PLC0415 - slow

    found: set[str] = set()
    again = dsl.pipeline(name=pipeline.component_spec.name, description=pipeline.component_spec.description)
    made = again(_with_options(pipeline.pipeline_func, options, found))
    unknown = sorted(options.steps - found)
    if unknown:
        raise InputError(f"the pipeline has the steps {', '.join(sorted(found))}; got {quote(unknown[0])} instead.")
    return made


def _with_options(function: Callable[..., Any], options: TaskOptions, found: set[str]) -> Callable[..., Any]:
    """The function, which afterwards applies options to the tasks that it made, and notes their names."""
    from kfp.dsl.pipeline_context import Pipeline  # noqa: PLC0415 - slow

    @functools.wraps(function)
    def call_with_options(*arguments: Any, **named: Any) -> Any:
        outputs = function(*arguments, **named)
        for task in Pipeline.get_default_pipeline().tasks.values():
            step = task.component_spec.name.replace("-", "_")
            if task.container_spec is not None:  # an importer runs nothing
                found.add(step)
                _apply(task, step, options)
        return outputs

    return call_with_options


def _apply(task: Any, step: str, options: TaskOptions) -> None:
    from kfp import kubernetes  # noqa: PLC0415 - slow

    if cpu := _of(options.cpu, step):
        task.set_cpu_request(cpu).set_cpu_limit(cpu)
    if memory := _of(options.memory, step):
        task.set_memory_request(memory).set_memory_limit(memory)
    if int(gpu := _of(options.gpu, step) or "0"):
        task.set_accelerator_type(_GPU).set_accelerator_limit(gpu)
    if int(retries := _of(options.retries, step) or "0"):
        task.set_retry(num_retries=int(retries))
    if timeout := _of(options.timeout, step):
        kubernetes.set_timeout(task, seconds=int(seconds(timeout)))
    if not options.cache:
        task.set_caching_options(enable_caching=False)
    for key, value in options.node_selector.items():
        kubernetes.add_node_selector(task, label_key=key, label_value=value)
    for one in options.tolerations:
        operator = "Equal" if one.value else "Exists"
        kubernetes.add_toleration(task, one.key, operator, one.value or None, one.effect or None)
    if options.image:
        _set_image(task, options.image)


def _set_image(task: Any, image: str) -> None:
    """Another image than the suite's; its digest, which it cannot know itself, is told for a bundle's papers."""
    task.set_container_image(image)
    name, _, digest = image.rpartition("@")
    if name:
        task.set_env_variable("HEADRACE_IMAGE_DIGEST", digest)
