"""All checks of a cluster, from the server to the storage."""

from collections.abc import Callable

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SECRETS, ObjectKind
from headrace.cluster.doctor.installation import check_runtime, required_accounts
from headrace.cluster.doctor.monitoring import check_monitoring
from headrace.cluster.doctor.namespace import (
    check_namespace,
    check_references,
    check_store_secret,
    store_reference,
)
from headrace.cluster.doctor.nodes import check_nodes, check_storage
from headrace.cluster.doctor.quota import check_quota
from headrace.cluster.doctor.rights import check_rights
from headrace.cluster.doctor.rollouts import check_rollouts
from headrace.cluster.doctor.server import check_platform, check_server
from headrace.cluster.doctor.steps import check_steps
from headrace.cluster.doctor.streams import check_streams
from headrace.cluster.install.requirements import ClusterRequirements, ObjectReference
from headrace.cluster.kfp.step_place import StepPlace
from headrace.core.base.diagnostics import Diagnostic
from headrace.core.base.errors import ClusterError
from headrace.core.base.secret_names import STORE_SECRET


def examine(cluster: Cluster, needs: ClusterRequirements, place: StepPlace | None = None) -> list[Diagnostic]:
    """Check a cluster against requirements without changing anything.

    Args:
        cluster: The cluster and the namespace.
        needs: The requirements.
        place: Where Kubeflow Pipelines runs steps; None not to compare it with the namespace.

    Every failure becomes a finding: what may not be read is unknown, and a server that does not answer is bad.
    """
    findings = _examine_area("Kubernetes", lambda: check_server(cluster))
    if any(finding.state == "bad" for finding in findings):
        return findings
    findings += _examine_area("Platform", lambda: check_platform(cluster, needs))
    findings += _examine_area("Rollouts", lambda: check_rollouts(cluster))
    if place:
        findings += _examine_area("Steps", lambda: check_steps(cluster, place, needs))
    space = _examine_area("Namespace", lambda: check_namespace(cluster, needs))
    findings += space
    if not any(finding.state == "bad" and "no namespace" in finding.text for finding in space):
        findings += _examine_area("Names", lambda: check_references(cluster, _references(needs)))
        findings += _examine_area("Secret", lambda: check_store_secret(cluster))
        findings += _examine_area("ServingRuntime", lambda: check_runtime(cluster, needs))
        findings += _examine_area("Rights", lambda: check_rights(cluster, needs))
        findings += _examine_area("Quota", lambda: check_quota(cluster, needs))
        findings += _examine_area("Monitoring", lambda: check_monitoring(cluster))
        findings += _examine_area("Streams", lambda: check_streams(cluster))
    findings += _examine_area("Nodes", lambda: check_nodes(cluster, needs))
    findings += _examine_area("Storage", lambda: check_storage(cluster, needs))
    return findings


def _references(needs: ClusterRequirements) -> tuple[ObjectReference, ...]:
    """Return the referenced objects without duplicates, the object store's Secret and the accounts first."""
    references: dict[tuple[ObjectKind, str], ObjectReference] = {}
    store_references = [
        reference for reference in needs.references if (reference.kind, reference.name) == (SECRETS, STORE_SECRET)
    ]
    by = tuple(step for reference in store_references for step in reference.by)
    for reference in (store_reference(by=by), *required_accounts(needs), *needs.references):
        references.setdefault((reference.kind, reference.name), reference)
    return tuple(references.values())


def _examine_area(area: str, look: Callable[[], list[Diagnostic]]) -> list[Diagnostic]:
    try:
        return look()
    except ClusterError as error:
        text, _, remedy = str(error).rstrip(".").partition(": ")
        return [Diagnostic(area, "bad", text, remedy)]
