"""Check the rights of the user and of the steps' account."""

from headrace.cluster.api.access_review import may
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SERVICE_ACCOUNTS
from headrace.cluster.install.requirements import RIGHTS, ClusterRequirements, Purpose
from headrace.core.base.diagnostics import Diagnostic, DiagnosticState, good
from headrace.core.base.errors import ClusterError

PURPOSES: dict[Purpose, tuple[str, str]] = {
    "run": ("report its result (as Argo Workflows wants of each step)", "headrace-step"),
    "deploy": ("deploy with KServe", "headrace-deployer"),
    "rollout": ("divide requests and keep the record of it", "headrace-deployer"),
    "tune": ("search with Katib", "headrace-tuner"),
}
"""Each purpose in words, and the Role of an overlay that grants its rights."""


def check_rights(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check the rights of the steps' account, or the user's own if they may not check others'."""
    purposes: list[Purpose] = [purpose for purpose in RIGHTS if not needs.purposes or purpose in needs.purposes]
    try:
        exists = cluster.get(SERVICE_ACCOUNTS, needs.account) is not None
        return [_purpose(cluster, purpose, needs, needs.account) for purpose in purposes] if exists else []
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
    text = f"you may not ask for the rights of {needs.account}; these are your own"
    own_purposes: list[Purpose] = [purpose for purpose in purposes if purpose != "run"]
    own_rights = [_purpose(cluster, purpose, needs, "") for purpose in own_purposes]
    remedy = "ask an administrator for headrace doctor --platform cluster"
    return [Diagnostic("Rights", "unknown", text, remedy), *own_rights]


def _purpose(cluster: Cluster, purpose: Purpose, needs: ClusterRequirements, account: str) -> Diagnostic:
    missing = [right for right in RIGHTS[purpose] if not may(cluster, right, service_account=account)]
    account_label = f"the service account {account}" if account else "your account"
    words, role = PURPOSES[purpose]
    if not missing:
        return good("Rights", f"{account_label} may {words}")
    state: DiagnosticState = "bad" if purpose in needs.purposes else "warning"
    rights = ", ".join(str(right) for right in missing)
    return Diagnostic(
        "Rights",
        state,
        f"{account_label} may not {words}: it lacks {rights}",
        f"bind it to the Role {role} of an overlay",
    )
