"""May you, and may the steps, do what is to be done?"""

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
"""What a purpose is, in words, and the Role of an overlay that has its rights."""


def check_rights(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Return the rights of the steps' account, or one's own where one may not ask for others'."""
    purposes: list[Purpose] = [purpose for purpose in RIGHTS if not needs.purposes or purpose in needs.purposes]
    try:
        there = cluster.get(SERVICE_ACCOUNTS, needs.account) is not None
        return [_purpose(cluster, purpose, needs, needs.account) for purpose in purposes] if there else []
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
    text = f"you may not ask for the rights of {needs.account}; these are your own"
    own: list[Purpose] = [purpose for purpose in purposes if purpose != "run"]
    found = [_purpose(cluster, purpose, needs, "") for purpose in own]
    remedy = "ask an administrator for headrace doctor --target cluster"
    return [Diagnostic("Rights", "unknown", text, remedy), *found]


def _purpose(cluster: Cluster, purpose: Purpose, needs: ClusterRequirements, account: str) -> Diagnostic:
    lacking = [right for right in RIGHTS[purpose] if not may(cluster, right, service_account=account)]
    who = f"the service account {account}" if account else "your account"
    words, role = PURPOSES[purpose]
    if not lacking:
        return good("Rights", f"{who} may {words}")
    state: DiagnosticState = "bad" if purpose in needs.purposes else "warning"
    told = ", ".join(str(right) for right in lacking)
    return Diagnostic(
        "Rights", state, f"{who} may not {words}: it lacks {told}", f"bind it to the Role {role} of an overlay"
    )
