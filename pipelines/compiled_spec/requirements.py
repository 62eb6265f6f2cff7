"""What a compiled pipeline requires of a cluster, and which of its features Kubeflow Pipelines ignores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace.cluster.api.kinds import CLAIMS, CONFIG_MAPS, SECRETS, ObjectKind
from headrace.cluster.install.requirements import (
    ACCOUNT,
    ClusterRequirements,
    ObjectReference,
    PodRequirements,
    Purpose,
)
from headrace.core.base.diagnostics import Diagnostic, good, list_names
from headrace.pipelines.compiled_spec.caching import ADDRESS_PARAMETERS, NEVER_CACHED, NOT_FINGERPRINTED
from headrace.pipelines.compiled_spec.plan import CompiledPlan, PlanStep
from headrace.pipelines.compiled_spec.unsupported_features import value_of

# The purposes of the suite's steps, beside running; a step with a local target requires nothing of the cluster.
_DEPLOYING = {"deploy", "rollout"}
_TUNING = {"tune"}
_LOCAL = {"local"}
# Parameters of deploy, rollout and tune that say where they act.
WHERE = ("platform", "tuner")
NAMESPACES = ("namespace", "search_namespace")
_PARAMETER_BYTES = 60_000  # measured: 60 kB of parameters pass, 150 kB fail

# Kind, the setting's list, the key of a constant name, the key of a name by parameter, list and name of required keys.
_NAMED: tuple[tuple[ObjectKind, str, str, str, str, str], ...] = (
    (SECRETS, "secretAsEnv", "secretName", "secretNameParameter", "keyToEnv", "secretKey"),
    (SECRETS, "secretAsVolume", "secretName", "secretNameParameter", "", ""),
    (SECRETS, "imagePullSecret", "secretName", "secretNameParameter", "", ""),
    (CONFIG_MAPS, "configMapAsEnv", "configMapName", "configMapNameParameter", "keyToEnv", "configMapKey"),
    (CONFIG_MAPS, "configMapAsVolume", "configMapName", "configMapNameParameter", "", ""),
    (CLAIMS, "pvcMount", "constant", "pvcNameParameter", "", ""),
)


def cluster_requirements(plan: CompiledPlan, *, account: str = ACCOUNT) -> ClusterRequirements:
    """Return what the pipeline's steps require of a cluster."""
    references: dict[tuple[ObjectKind, str], ObjectReference] = {}
    for step in plan.steps:
        for requested in _references(step):
            before = references.get((requested.kind, requested.name))
            references[requested.kind, requested.name] = _join_references(before, requested) if before else requested
    created_claims = {str(step.inputs.get("pvc_name", "")) for step in plan.steps if step.form == "volume"}
    return ClusterRequirements(
        purposes=frozenset({"run", *(purpose for step in plan.steps for purpose in _purposes(step))}),
        account=account,
        references=tuple(
            reference
            for reference in references.values()
            if reference.kind != CLAIMS or reference.name not in created_claims
        ),
        storage_classes=_classes(plan),
        pods=tuple(_pod(step) for step in plan.steps if step.form in {"python", "container"}),
    )


def _purposes(step: PlanStep) -> Iterator[Purpose]:
    targets = {str(step.inputs.get(name, "")) for name in WHERE}
    if any(step.inputs.get(name) for name in NAMESPACES):
        return  # it acts in another namespace than the one that is checked
    if step.function in _DEPLOYING and not targets & _LOCAL:
        yield "deploy"
        if step.function == "rollout":
            yield "rollout"
    if step.function in _TUNING and "katib" in targets:
        yield "tune"


def _references(step: PlanStep) -> Iterator[ObjectReference]:
    for kind, setting, constant, parameter, keys, key in _NAMED:
        for entry in step.kubernetes.get(setting) or []:
            name = str(
                entry.get(constant) or value_of(entry.get(parameter)) or _constant_value(entry.get(parameter), step)
            )
            required_keys = tuple(str(item[key]) for item in entry.get(keys) or []) if keys else ()
            optional = bool(entry.get("optional"))
            if name:
                yield ObjectReference(kind, name, keys=required_keys, optional=optional, by=(step.name,))


def _constant_value(parameter: Mapping[str, Any] | None, step: PlanStep) -> str:
    """Return the value of a parameter that gives a name, if the file states it."""
    return str(step.around.get(str((parameter or {}).get("componentInputParameter", "")), ""))


def _join_references(first: ObjectReference, second: ObjectReference) -> ObjectReference:
    return ObjectReference(
        first.kind,
        first.name,
        keys=tuple(dict.fromkeys((*first.keys, *second.keys))),
        optional=first.optional and second.optional,
        by=(*first.by, *second.by),
    )


def _classes(plan: CompiledPlan) -> dict[str, tuple[str, ...]]:
    steps_by_class: dict[str, list[str]] = {}
    for step in plan.steps:
        for volume in step.kubernetes.get("genericEphemeralVolume") or []:
            steps_by_class.setdefault(str(volume.get("storageClassName") or ""), []).append(step.name)
        if step.form == "volume" and "size" in step.inputs:
            steps_by_class.setdefault(str(step.inputs.get("storage_class_name") or ""), []).append(step.name)
    if plan.workspace:
        patch = (plan.workspace.get("kubernetes") or {}).get("pvcSpecPatch") or {}
        steps_by_class.setdefault(str(patch.get("storageClassName") or ""), []).append("the workspace")
    return {name: tuple(by) for name, by in steps_by_class.items()}


def _pod(step: PlanStep) -> PodRequirements:
    resources = step.container.get("resources") or {}
    requests = {
        name: str(resources.get(f"resource{part}Request") or resources.get(f"resource{part}Limit") or "")
        for name, part in (("cpu", "Cpu"), ("memory", "Memory"))
    }
    accelerator = resources.get("accelerator") or {}
    if accelerator:
        requests[str(accelerator.get("resourceType") or accelerator.get("type"))] = str(
            accelerator.get("resourceCount") or accelerator.get("count") or "1"
        )
    return PodRequirements(
        by=step.name,
        image=step.image,
        requests={name: value for name, value in requests.items() if value},
        labels=(step.kubernetes.get("nodeSelector") or {}).get("labels") or {},
        tolerations=tuple(step.kubernetes.get("tolerations") or ()),
        pull=str(step.kubernetes.get("imagePullPolicy", "")),
    )


def find_ignored_features(plan: CompiledPlan) -> list[Diagnostic]:
    """Return what Kubeflow Pipelines ignores of a pipeline, or fails on, in every cluster; observed with KFP 2.17."""
    count = len(plan.steps)
    compiled = f"{plan.name} has {count} steps, compiled by {plan.sdk or 'an unknown compiler'}"
    return [good("Pipeline", compiled), *_find_ignored(plan.steps)]


def _find_ignored(steps: Sequence[PlanStep]) -> Iterator[Diagnostic]:
    again = [step.name for step in steps if step.retries]
    if again:
        text = f"{list_names(again)}: retries have no effect with the ConfigMap workflow-controller-configmap as it "
        remedy = "set its retryPolicy to Always, or run the pipeline again"
        yield Diagnostic("Pipeline", "warning", text, remedy)
    long = [step.name for step in steps if sum(len(str(v).encode()) for v in step.inputs.values()) > _PARAMETER_BYTES]
    if long:
        text = f"{list_names(long)}: parameters of more than {_PARAMETER_BYTES // 1000} kB fail at the driver"
        yield Diagnostic("Pipeline", "bad", text, "pass them as an artifact")
    acting = [step.name for step in steps if step.cached and step.function in NEVER_CACHED]
    if acting:
        text = f"{list_names(acting)}: an earlier result may be reused instead of acting again"
        yield Diagnostic("Pipeline", "warning", text, "switch caching off for them: set_caching_options(False)")
    stale = [step.name for step in steps if step.cached and _reads_anything(step)]
    if stale:
        text = f"{list_names(stale)}: an earlier result may be reused though the content at the address has changed"
        remedy = "give it the address's output of the component fingerprint, or set_caching_options(False)"
        yield Diagnostic("Pipeline", "warning", text, remedy)
    unknown = sorted({name for step in steps for name in _find_unnamed(step)})
    if unknown:
        text = f"the names of {list_names(unknown)} are parameters of a run: they cannot be checked now"
        yield Diagnostic("Pipeline", "unknown", text)


def _reads_anything(step: PlanStep) -> bool:
    """Return whether a step reads an address without getting its fingerprint."""
    address = ADDRESS_PARAMETERS.get(step.function)
    unguarded = step.inputs.get("fingerprint") == "" and address is not None and step.inputs.get(address) != ""
    return unguarded or step.function in NOT_FINGERPRINTED


def _find_unnamed(step: PlanStep) -> Iterator[str]:
    """Yield the settings whose object is named by a parameter without a value."""
    for _, setting, constant, parameter, _, _ in _NAMED:
        for entry in step.kubernetes.get(setting) or []:
            by = entry.get(parameter) or {}
            if not (entry.get(constant) or value_of(by) or _constant_value(by, step)):
                yield f"{step.name}'s {setting}"
