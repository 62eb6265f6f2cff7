"""Finds the features of a compiled pipeline that the local runner refuses or ignores."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.core.base.diagnostics import Diagnostic, good, list_names
from headrace.pipelines.compiled_spec.plan import CompiledPlan, PlanStep

ARGUMENT_BYTES = 131_071  # Linux' longest argument: the executor's whole input is one (MAX_ARG_STRLEN)
_PARALLEL = 2  # kfp.local runs this many iterations at once, whatever the pipeline requests

# The effect of each setting of kfp-kubernetes under kfp.local, and the remedy.
SETTINGS = {
    "secretAsEnv": ("variables from Secrets are not set", "set the same variables yourself before you run it"),
    "secretAsVolume": ("files from Secrets are not there", "read such values from variables"),
    "configMapAsEnv": ("variables from ConfigMaps are not set", "set the same variables yourself before you run it"),
    "configMapAsVolume": ("files from ConfigMaps are not there", "pass such files as artifacts"),
    "fieldPathAsEnv": ("variables about the pod are not set", "give them a default in the component"),
    "pvcMount": ("volumes are not mounted", "pass data as artifacts"),
    "genericEphemeralVolume": ("volumes are not mounted", "use a temporary folder"),
    "emptyDirMounts": ("volumes are not mounted", "use a temporary folder"),
    "enabledSharedMemory": ("shared memory is what this machine has", ""),
    "activeDeadlineSeconds": ("its time-out does not count", "stop a step that hangs by Ctrl-C"),
    "nodeSelector": ("it runs on this machine, whatever node it wants", ""),
    "nodeAffinity": ("it runs on this machine, whatever node it wants", ""),
    "podAffinity": ("it runs on this machine, whatever node it wants", ""),
    "tolerations": ("it runs on this machine, whatever node it wants", ""),
    "imagePullSecret": ("no image is pulled", ""),
    "imagePullPolicy": ("no image is pulled", ""),
    "podMetadata": ("labels and annotations have no effect", ""),
    "securityContext": ("it runs as you", ""),
}


@dataclass(frozen=True)
class _Rule:
    """A check for steps that the local runner refuses or treats differently."""

    bad: bool
    text: str
    remedy: str
    holds: Callable[[PlanStep], bool]


_RULES = (
    _Rule(
        True,
        "it is not a Python component: the subprocess runner refuses it",
        "run it with Docker (kfp.local.DockerRunner)",
        lambda step: step.form in {"container", "volume"},
    ),
    _Rule(
        False,
        "what it imports from a bucket is not downloaded: its path does not exist",
        "read the bucket in the step that needs it",
        lambda step: step.form == "importer" and "://" in str(step.inputs.get("uri", "")),
    ),
    _Rule(
        False,
        "its requests and limits of CPU, memory and accelerators have no effect",
        "",
        lambda step: bool(step.container.get("resources")),
    ),
    _Rule(
        True,
        f"its parameters are longer than {ARGUMENT_BYTES:,} bytes: it cannot be started",
        "pass them as an artifact",
        lambda step: _bytes(step) > ARGUMENT_BYTES,
    ),
    _Rule(
        False,
        "a parameter holds the text python3, which the runner replaces by a path",
        "pass it as an artifact, or spell it differently",
        lambda step: any("python3" in str(value) for value in step.inputs.values()),
    ),
    _Rule(
        True,
        "a parameter holds a placeholder for the run's name or time, which the runner does not know",
        "pass the name as a parameter of the pipeline",
        lambda step: any(
            f"PIPELINE_JOB_{name}" in str(value)
            for value in step.inputs.values()
            for name in ("RESOURCE_NAME", "CREATE_TIME_UTC", "SCHEDULE_TIME_UTC")
        ),
    ),
)


def _bytes(step: PlanStep) -> int:
    return sum(len(str(value).encode()) for value in step.inputs.values())


def find_unsupported(plan: CompiledPlan) -> list[Diagnostic]:
    """Return what ``kfp.local`` refuses or ignores, with the steps concerned; observed with kfp 2.17."""
    findings = [*_by_rule(plan.steps), *_by_setting(plan.steps), *_loops(plan)]
    if plan.workspace:
        text = "the workspace's size and storage class have no effect, and its folder is deleted after the run"
        findings.append(Diagnostic("Pipeline", "note", text))
    count = len(plan.steps)
    return [
        good("Pipeline", f"{plan.name} has {count} steps, compiled by {plan.sdk or 'an unknown compiler'}"),
        *findings,
    ]


def _by_rule(steps: Sequence[PlanStep]) -> Iterator[Diagnostic]:
    for rule in _RULES:
        names = [step.name for step in steps if rule.holds(step)]
        if names:
            state = "bad" if rule.bad else "warning" if rule.remedy else "note"
            yield Diagnostic("Pipeline", state, f"{list_names(names)}: {rule.text}", rule.remedy)  # type: ignore[arg-type]


def _by_setting(steps: Sequence[PlanStep]) -> Iterator[Diagnostic]:
    for setting in sorted({name for step in steps for name in step.kubernetes}):
        names = [step.name for step in steps if setting in step.kubernetes]
        text, remedy = SETTINGS.get(setting, ("it has no effect", ""))
        yield Diagnostic(
            "Pipeline", "warning" if remedy else "note", f"{list_names(names)}: {setting} is ignored: {text}", remedy
        )


def _loops(plan: CompiledPlan) -> Iterator[Diagnostic]:
    for name, limit in plan.loops.items():
        if limit == 0 or limit > _PARALLEL:
            requested = f"{limit} iterations" if limit else "all iterations"
            yield Diagnostic("Pipeline", "note", f"{name}: at most {_PARALLEL} iterations run at once, not {requested}")


def value_of(setting: Any) -> str:
    """Return a name in a setting of kfp-kubernetes if it is constant; empty if a parameter gives it."""
    return str(((setting or {}).get("runtimeValue") or {}).get("constant", ""))
