"""Check that Kubeflow Pipelines runs steps in this namespace, and the rights of its default account."""

from headrace.cluster.api.access_review import may
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SERVICE_ACCOUNTS
from headrace.cluster.doctor.rights import PURPOSES
from headrace.cluster.install.requirements import RIGHTS, ClusterRequirements
from headrace.cluster.kfp.step_place import StepPlace
from headrace.core.base.diagnostics import Diagnostic, DiagnosticState, good
from headrace.core.base.errors import ClusterError

AREA = "Steps"


def check_steps(cluster: Cluster, place: StepPlace | None, needs: ClusterRequirements) -> list[Diagnostic]:
    """Compare where steps run with the checked namespace.

    Args:
        cluster: The cluster and the namespace.
        place: Where steps run; None if unknown.
        needs: The requirements.
    """
    if place is None:
        text = (
            "it is unknown where Kubeflow Pipelines runs steps: with one user in its own namespace, else in each user's"
        )
        return [Diagnostic(AREA, "unknown", text, "set HEADRACE_KFP_ENDPOINT, to ask its API")]
    if cluster.namespace != place.namespace:
        state: DiagnosticState = "bad" if "run" in needs.purposes else "warning"
        remedy = f"install there: headrace cluster render OVERLAY --namespace {place.namespace}, headrace cluster keys"
        return [Diagnostic(AREA, state, f"{place}; this is {cluster.namespace}", remedy)]
    return [good(AREA, str(place)), *_check_default_account(cluster, place, needs)]


def _check_default_account(cluster: Cluster, place: StepPlace, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check the rights of a run that names no account, if this account may do so."""
    if place.account == needs.account:
        return []
    purposes = [purpose for purpose in RIGHTS if not needs.purposes or purpose in needs.purposes]
    try:
        if cluster.get(SERVICE_ACCOUNTS, place.account) is None:
            text = (
                f"there is no ServiceAccount {place.account} in {cluster.namespace}: a run that names none never begins"
            )
            return [Diagnostic(AREA, "warning", text, f"name one: headrace submit --service-account {needs.account}")]
        missing = [
            PURPOSES[purpose][0]
            for purpose in purposes
            if not all(may(cluster, right, service_account=place.account) for right in RIGHTS[purpose])
        ]
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return []
    if not missing:
        return []
    text = f"a run that names no account runs as {place.account}, which may not {', nor '.join(missing)}"
    remedy = (
        f"have runs name {needs.account}, as headrace submit does, or give {place.account} its rights: headrace "
        f"cluster render OVERLAY --namespace {cluster.namespace} --bind-service-account {place.account}"
    )
    return [Diagnostic(AREA, "note", text, remedy)]
