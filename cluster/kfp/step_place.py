"""Where Kubeflow Pipelines runs the steps of pipelines, and as whom.

With one user it runs them in its own namespace, with several in the namespace of each (a profile). Whether there are
several its API says (``multi_user`` of ``/apis/v2beta1/healthz``), and so do the variables of its server's Deployment,
which also name the service account of runs that name none (``DefaultPipelineRunnerServiceAccount``; kubeflow/pipelines,
``backend/src/apiserver/common``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import CONFIG_MAPS, DEPLOYMENTS
from headrace.cluster.kfp import client
from headrace.cluster.kfp.client import KfpClient
from headrace.core.base import settings
from headrace.core.base.errors import ClusterError, HeadraceError

SERVER = "ml-pipeline"
USUAL_NAMESPACE = "kubeflow"
_USERS = "MULTIUSER"
_ACCOUNT = "DEFAULTPIPELINERUNNERSERVICEACCOUNT"
_WANTED = (_USERS, _ACCOUNT)


@dataclass(frozen=True)
class StepPlace:
    """Where steps run.

    Attributes:
        namespace: Their namespace, which is never Headrace's alone.
        account: Service account of a run that names none.
        several_users: Whether each user has a namespace.
        is_seen: Whether the cluster that was looked at holds this Kubeflow Pipelines, as far as one may look.
    """

    namespace: str
    account: str
    several_users: bool
    is_seen: bool

    def __str__(self) -> str:
        """As it is told, without a full stop."""
        whose = (
            "has several users: it runs the steps of each in a namespace of theirs, here"
            if self.several_users
            else "has one user: it runs steps in its own namespace,"
        )
        return f"Kubeflow Pipelines {whose} {self.namespace}, and as {self.account} where a run names no account"


@dataclass(frozen=True)
class _Server:
    """What a cluster shows of the server of Kubeflow Pipelines.

    Attributes:
        namespace: Its namespace.
        variables: Those of its variables that say where steps run.
    """

    namespace: str
    variables: Mapping[str, str] = field(default_factory=dict)


def find(cluster: Cluster | None, api: KfpClient | None) -> StepPlace | None:
    """Ask Kubeflow Pipelines and the cluster where steps run; nothing is changed.

    Args:
        cluster: The cluster, in the namespace that is the user's where there are several; None if none is known.
        api: The API; None if it is not named.

    Returns:
        The place; None if neither knows of a Kubeflow Pipelines.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    server = _server(cluster) if cluster else None
    several = _several_users(api)
    if several is None:
        if server is None:
            return None
        several = server.variables.get(_USERS, "").lower() == "true"
    variables = server.variables if server else {}
    if not several:
        namespace = server.namespace if server else USUAL_NAMESPACE
        account = variables.get(_ACCOUNT) or "pipeline-runner"
        return StepPlace(namespace, account, several_users=False, is_seen=server is not None)
    own = (api.namespace if api else "") or (cluster.namespace if cluster else "")
    account = variables.get(_ACCOUNT) or "default-editor"
    return StepPlace(own, account, several_users=True, is_seen=cluster is not None) if own else None


def find_step_place(cluster: Cluster | None) -> StepPlace | None:
    """Return the same by the API of the environment (``HEADRACE_KFP_*``), if it names one; None too if nobody may be asked.

    Raises:
        InputError: If the environment names the API wrongly.
    """
    api = client.connect() if settings.kfp_settings() else None
    try:
        return find(cluster, api)
    except ClusterError:  # what is wrong with the cluster is told where more is asked of it
        return find(None, api)


def _several_users(api: KfpClient | None) -> bool | None:
    """What the API says; None where it says nothing."""
    try:
        return api.has_several_users() if api else None
    except HeadraceError:  # that it does not answer is told where it is asked for more
        return None


def _server(cluster: Cluster) -> _Server | None:
    found = _deployment(cluster)
    if found is None:
        return None
    namespace = str(found["metadata"]["namespace"])
    return _Server(namespace, _variables(cluster, found, namespace))


def _deployment(cluster: Cluster) -> Document | None:
    """Return the server's Deployment: where it usually is, else wherever it is, as far as one may look."""
    try:
        usual = cluster.get(DEPLOYMENTS, SERVER, namespace=USUAL_NAMESPACE)
        if usual is not None:
            return usual
        everywhere = cluster.list(DEPLOYMENTS, labels=f"app={SERVER}", everywhere=True)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return None
    return next((one for one in everywhere if one["metadata"]["name"] == SERVER), None)


def _variables(cluster: Cluster, deployment: Document, namespace: str) -> dict[str, str]:
    """Variables of its containers, those of ConfigMaps too; a later one of a name counts, as Kubernetes has it."""
    found: dict[str, str] = {}
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        for source in container.get("envFrom") or []:
            name = (source.get("configMapRef") or {}).get("name", "")
            prefix = source.get("prefix", "")
            found |= {f"{prefix}{key}": value for key, value in _data(cluster, name, namespace).items()}
        for one in container.get("env") or []:
            reference = (one.get("valueFrom") or {}).get("configMapKeyRef") or {}
            if one["name"] in _WANTED and reference:
                found[one["name"]] = _data(cluster, reference["name"], namespace).get(reference["key"], "")
            elif "value" in one:
                found[one["name"]] = one["value"]
    return {name: found[name] for name in _WANTED if name in found}


def _data(cluster: Cluster, name: str, namespace: str) -> dict[str, str]:
    try:
        found = cluster.get(CONFIG_MAPS, name, namespace=namespace) if name else None
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return {}
    return dict((found or {}).get("data") or {})
