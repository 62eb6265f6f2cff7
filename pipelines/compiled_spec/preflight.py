"""What the steps of a run will miss where Kubeflow Pipelines runs them, looked at before it begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import NAMESPACES, SECRETS, SERVICE_ACCOUNTS
from headrace.cluster.api.kubeconfig import connect
from headrace.cluster.doctor.installation import required_accounts
from headrace.cluster.doctor.namespace import check_namespace, check_references, store_reference
from headrace.cluster.doctor.rights import check_rights
from headrace.cluster.install.requirements import ACCOUNT, ClusterRequirements, ObjectReference
from headrace.cluster.kfp.client import KfpClient
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.step_place import StepPlace, find
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import ClusterError
from headrace.core.base.parameter_text import plain
from headrace.core.base.secret_names import STORE_SECRET
from headrace.pipelines.compiled_spec.plan import plan_of
from headrace.pipelines.compiled_spec.requirements import demands

AREA = "Steps"


@dataclass(frozen=True)
class PreflightReport:
    """How it stands before a run.

    Attributes:
        account: Service account that the run is to name; empty to leave it to Kubeflow Pipelines.
        findings: What was found.
    """

    account: str
    findings: tuple[Diagnostic, ...]

    @property
    def lacking(self) -> tuple[Diagnostic, ...]:
        """What a step, or the whole run, cannot do without."""
        return tuple(finding for finding in self.findings if finding.state == "bad")


def look(api: KfpClient, file: PipelineFile, arguments: Mapping[str, Any], *, account: str = "") -> PreflightReport:
    """Look whether what a run needs is where its steps run; nothing is changed.

    A run that names no account gets ``headrace-pipeline`` where that is there, else the choice of Kubeflow Pipelines.

    Args:
        api: Kubeflow Pipelines.
        file: The pipeline.
        arguments: Arguments of the run.
        account: Service account that the run names; empty for none.
    """
    try:
        cluster = connect()
        place = find(cluster, api)
    except ClusterError as error:
        return PreflightReport(account, (_unchecked_finding(str(error).partition(": ")[0]),))
    if place is None or not _is_here(cluster, place):
        return PreflightReport(
            account, (_unchecked_finding("no Kubeflow Pipelines is seen in the cluster of the kubeconfig"),)
        )
    there = replace(cluster, namespace=place.namespace)
    try:
        chosen = account or (ACCOUNT if _has_account(there, ACCOUNT) else "")
        needs = demands(plan_of(file.spec, file.platform, arguments), account=chosen or place.account)
        findings = [good(AREA, f"{place}; this run as {needs.account}"), *_find_missing(there, needs, arguments)]
    except ClusterError as error:
        return PreflightReport(account, (_unchecked_finding(str(error).partition(": ")[0]),))
    return PreflightReport(chosen, tuple(findings))


def _unchecked_finding(why: str) -> Diagnostic:
    remedy = "set KUBECONFIG to a way to it"
    return Diagnostic(AREA, "note", f"nobody looked whether they find what they need: {why.rstrip('.')}", remedy)


def _is_here(cluster: Cluster, place: StepPlace) -> bool:
    """Whether the cluster is the one in which the steps will run, as far as one may look."""
    if not place.several_users:
        return place.is_seen
    try:
        return cluster.get(NAMESPACES, place.namespace) is not None
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return True


def _has_account(cluster: Cluster, name: str) -> bool:
    try:
        return cluster.get(SERVICE_ACCOUNTS, name) is not None
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return False


def _find_missing(cluster: Cluster, needs: ClusterRequirements, arguments: Mapping[str, Any]) -> list[Diagnostic]:
    references = {(one.kind, one.name): one for one in (*required_accounts(needs), *needs.references)}
    store = references.get((SECRETS, STORE_SECRET))
    if store and _needs_store(needs, arguments):
        references[SECRETS, STORE_SECRET] = store_reference(by=store.by)
    return [
        *(finding for finding in check_namespace(cluster, needs) if _concerns(finding, needs)),
        *check_references(cluster, _requested_references(references.values())),
        *check_rights(cluster, needs),
    ]


def _concerns(finding: Diagnostic, needs: ClusterRequirements) -> bool:
    """Whether what was found of a namespace concerns the run; Katib's label does so only where Katib is asked."""
    return finding.state == "bad" or (
        finding.state == "warning" and "deploy" in needs.purposes and "Katib" not in finding.text
    )


def _requested_references(references: Iterable[ObjectReference]) -> list[ObjectReference]:
    """Those that are looked for, by steps without their groups; of what is optional only the keys are missed."""
    found = [one for one in references if one.name == STORE_SECRET or not one.optional]
    return [replace(one, by=tuple(step.rpartition("/")[2] for step in one.by)) for one in found]


def _needs_store(needs: ClusterRequirements, arguments: Mapping[str, Any]) -> bool:
    """Whether a step surely reads or writes the object store."""
    addressed = any(isinstance(value, str) and plain(value).startswith("s3://") for value in arguments.values())
    return addressed or bool(needs.purposes & {"deploy", "tune"})
