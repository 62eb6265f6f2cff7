"""Everything that is looked at in a cluster, in the order in which a person would."""

from collections.abc import Callable

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SECRETS, Kind
from headrace.cluster.doctor.installation import check_runtime, wanted
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
from headrace.cluster.install.requirements import Needs, Reference
from headrace.cluster.kfp.step_place import StepPlace
from headrace.core.base.diagnostics import Finding
from headrace.core.base.errors import ClusterError
from headrace.core.base.secret_names import STORE_SECRET


def examine(cluster: Cluster, needs: Needs, place: StepPlace | None = None) -> list[Finding]:
    """Look at a cluster with what is wanted of it; nothing is changed.

    Args:
        cluster: The cluster, in the namespace to look at.
        needs: What is wanted there.
        place: Where Kubeflow Pipelines runs steps; None not to hold that against the namespace.

    Whatever goes wrong is a finding: what may not be looked at is unknown, and a server that does not answer is bad.
    """
    findings = _looked("Kubernetes", lambda: check_server(cluster))
    if any(finding.state == "bad" for finding in findings):
        return findings
    findings += _looked("Platform", lambda: check_platform(cluster, needs))
    findings += _looked("Rollouts", lambda: check_rollouts(cluster))
    if place:
        findings += _looked("Steps", lambda: check_steps(cluster, place, needs))
    space = _looked("Namespace", lambda: check_namespace(cluster, needs))
    findings += space
    if not any(finding.state == "bad" and "no namespace" in finding.text for finding in space):
        findings += _looked("Names", lambda: check_references(cluster, _references(needs)))
        findings += _looked("Secret", lambda: check_store_secret(cluster))
        findings += _looked("ServingRuntime", lambda: check_runtime(cluster, needs))
        findings += _looked("Rights", lambda: check_rights(cluster, needs))
        findings += _looked("Quota", lambda: check_quota(cluster, needs))
    findings += _looked("Nodes", lambda: check_nodes(cluster, needs))
    findings += _looked("Storage", lambda: check_storage(cluster, needs))
    return findings


def _references(needs: Needs) -> tuple[Reference, ...]:
    """What is named, the object store's Secret and the accounts first; each once."""
    found: dict[tuple[Kind, str], Reference] = {}
    named = [one for one in needs.references if (one.kind, one.name) == (SECRETS, STORE_SECRET)]
    by = tuple(step for one in named for step in one.by)
    for reference in (store_reference(by=by), *wanted(needs), *needs.references):
        found.setdefault((reference.kind, reference.name), reference)
    return tuple(found.values())


def _looked(area: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except ClusterError as error:
        text, _, remedy = str(error).rstrip(".").partition(": ")
        return [Finding(area, "bad", text, remedy)]
