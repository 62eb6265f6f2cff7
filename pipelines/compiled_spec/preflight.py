"""Checks before a run what its steps will miss in the cluster where Kubeflow Pipelines runs them."""

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
from headrace.core.base.parameter_text import unescape
from headrace.core.base.secret_names import STORE_SECRET
from headrace.pipelines.compiled_spec.plan import plan_of
from headrace.pipelines.compiled_spec.requirements import cluster_requirements

AREA = "Steps"


@dataclass(frozen=True)
class PreflightReport:
    """The result of the checks before a run.

    Attributes:
        account: Service account to name in the run; empty to leave the choice to Kubeflow Pipelines.
        findings: The diagnostics.
    """

    account: str
    findings: tuple[Diagnostic, ...]

    @property
    def lacking(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that will make a step or the whole run fail."""
        return tuple(finding for finding in self.findings if finding.state == "bad")


def check_run(
    api: KfpClient, file: PipelineFile, arguments: Mapping[str, Any], *, account: str = ""
) -> PreflightReport:
    """Check that the cluster has what the steps of a run need; change nothing.

    A run that names no account gets ``headrace-pipeline`` if it exists, else Kubeflow Pipelines chooses.

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
    namespaced = replace(cluster, namespace=place.namespace)
    try:
        chosen = account or (ACCOUNT if _has_account(namespaced, ACCOUNT) else "")
        needs = cluster_requirements(plan_of(file.spec, file.platform, arguments), account=chosen or place.account)
        findings = [good(AREA, f"{place}; this run as {needs.account}"), *_find_missing(namespaced, needs, arguments)]
    except ClusterError as error:
        return PreflightReport(account, (_unchecked_finding(str(error).partition(": ")[0]),))
    return PreflightReport(chosen, tuple(findings))


def _unchecked_finding(why: str) -> Diagnostic:
    remedy = "set KUBECONFIG to a file that leads to it"
    return Diagnostic(AREA, "note", f"it was not checked whether they find what they need: {why.rstrip('.')}", remedy)


def _is_here(cluster: Cluster, place: StepPlace) -> bool:
    """Return whether the steps will run in this cluster, as far as the account may see."""
    if not place.several_users:
        return place.on_cluster
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
    references = {
        (reference.kind, reference.name): reference for reference in (*required_accounts(needs), *needs.references)
    }
    store = references.get((SECRETS, STORE_SECRET))
    if store and _needs_store(needs, arguments):
        references[SECRETS, STORE_SECRET] = store_reference(by=store.by)
    return [
        *(finding for finding in check_namespace(cluster, needs) if _concerns(finding, needs)),
        *check_references(cluster, _requested_references(references.values())),
        *check_rights(cluster, needs),
    ]


def _concerns(finding: Diagnostic, needs: ClusterRequirements) -> bool:
    """Return whether a finding about a namespace concerns the run; Katib's label does so only where Katib is used."""
    return finding.state == "bad" or (
        finding.state == "warning" and "deploy" in needs.purposes and "Katib" not in finding.text
    )


def _requested_references(references: Iterable[ObjectReference]) -> list[ObjectReference]:
    """Return the references to look up, by steps without their groups; optional objects may be absent."""
    required = [reference for reference in references if reference.name == STORE_SECRET or not reference.optional]
    return [replace(reference, by=tuple(step.rpartition("/")[2] for step in reference.by)) for reference in required]


def _needs_store(needs: ClusterRequirements, arguments: Mapping[str, Any]) -> bool:
    """Return whether a step certainly reads or writes the object store."""
    addressed = any(isinstance(value, str) and unescape(value).startswith("s3://") for value in arguments.values())
    return addressed or bool(needs.purposes & {"deploy", "tune"})
