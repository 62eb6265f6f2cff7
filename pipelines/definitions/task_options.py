"""Applies the options of a cluster to the steps of a pipeline: resources, time-outs, retries, nodes."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.core.base.durations import seconds
from headrace.core.base.errors import InputError, quote

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
    """A taint of nodes that steps tolerate.

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
            InputError: If it has another form.
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
    """Resources and settings of steps on a cluster.

    Attributes:
        cpu: Processors, requested and allowed, such as ``2`` or ``500m``.
        memory: Memory, likewise, such as ``4Gi``.
        gpu: Number of GPUs.
        timeout: Longest time of a step, such as ``90s``, ``5m`` or ``2h``.
        retries: Number of retries of a failed step. The workflow controller of KFP ignores it by default: its
            retryPolicy is ``OnError``.
        cache: Whether steps that do not act outside the run may reuse outputs of an earlier run; False for none.
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
        """Raise if Kubernetes would reject a value.

        Raises:
            InputError: If a value is invalid.
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
        """Names of the steps that have options of their own."""
        return {step for one in (self.cpu, self.memory, self.gpu, self.timeout, self.retries) for step in one if step}


def _check(expected: str, pattern: re.Pattern[str], values: PerStep) -> None:
    for value in values.values():
        if not pattern.fullmatch(value):
            raise InputError(f"{expected}; got {quote(value)} instead.")


def _of(values: PerStep, step: str) -> str:
    return values.get(step, values.get("", ""))


def apply_options(pipeline: Any, options: TaskOptions) -> Any:
    """Return the pipeline with the options applied to each of its steps.

    Args:
        pipeline: A pipeline function of KFP.
        options: The options.

    Raises:
        InputError: If an option names a step that is not in it.
    """
    if options == TaskOptions():
        return pipeline
    from kfp import dsl  # noqa: PLC0415 - slow

    names: set[str] = set()
    again = dsl.pipeline(name=pipeline.component_spec.name, description=pipeline.component_spec.description)
    configured = again(_with_options(pipeline.pipeline_func, options, names))
    unknown = sorted(options.steps - names)
    if unknown:
        raise InputError(f"the pipeline has the steps {', '.join(sorted(names))}; got {quote(unknown[0])} instead.")
    return configured


def _with_options(function: Callable[..., Any], options: TaskOptions, names: set[str]) -> Callable[..., Any]:
    """Wrap the function so that it applies options to the tasks that it made, and adds their names to ``names``."""
    from kfp.dsl.pipeline_context import Pipeline  # noqa: PLC0415 - slow

    @functools.wraps(function)
    def call_with_options(*arguments: Any, **named: Any) -> Any:
        outputs = function(*arguments, **named)
        for task in Pipeline.get_default_pipeline().tasks.values():
            step = task.component_spec.name.replace("-", "_")
            if task.container_spec is not None:  # an importer runs nothing
                names.add(step)
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
    for toleration in options.tolerations:
        operator = "Equal" if toleration.value else "Exists"
        kubernetes.add_toleration(task, toleration.key, operator, toleration.value or None, toleration.effect or None)
    if options.image:
        _set_image(task, options.image)


def _set_image(task: Any, image: str) -> None:
    """Set another image than the suite's, and pass its digest, which it cannot know, to the bundle's provenance."""
    task.set_container_image(image)
    name, _, digest = image.rpartition("@")
    if name:
        task.set_env_variable("HEADRACE_IMAGE_DIGEST", digest)
