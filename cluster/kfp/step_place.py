"""Find out where Kubeflow Pipelines runs the steps of pipelines, and under which account.

With a single user it runs them in its own namespace, with several users in the namespace of each (a profile). Its API
reports which (``multi_user`` of ``/apis/v2beta1/healthz``), and so do the variables of its server's Deployment, which
also set the default service account of runs (``DefaultPipelineRunnerServiceAccount``; kubeflow/pipelines,
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
    """The namespace and account of steps.

    Attributes:
        namespace: Their namespace, which is never Headrace's alone.
        account: Default service account of a run.
        several_users: Whether each user has a namespace.
        on_cluster: Whether the checked cluster holds this Kubeflow Pipelines, as far as this account may read.
    """

    namespace: str
    account: str
    several_users: bool
    on_cluster: bool

    def __str__(self) -> str:
        """Return the place in words, without a full stop."""
        description = (
            "has several users: it runs the steps of each in a namespace of theirs, here"
            if self.several_users
            else "has one user: it runs steps in its own namespace,"
        )
        return f"Kubeflow Pipelines {description} {self.namespace}, and as {self.account} where a run names no account"


@dataclass(frozen=True)
class _Server:
    """The Deployment of Kubeflow Pipelines' server on a cluster.

    Attributes:
        namespace: Its namespace.
        variables: Its variables about where steps run.
    """

    namespace: str
    variables: Mapping[str, str] = field(default_factory=dict)


def find(cluster: Cluster | None, api: KfpClient | None) -> StepPlace | None:
    """Find out from Kubeflow Pipelines and the cluster where steps run, without changing anything.

    Args:
        cluster: The cluster, in the user's namespace if there are several users; None if unknown.
        api: The API; None if unknown.

    Returns:
        The place; None if neither has a Kubeflow Pipelines.

    Raises:
        ClusterError: If the cluster cannot be read.
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
        return StepPlace(namespace, account, several_users=False, on_cluster=server is not None)
    namespace = (api.namespace if api else "") or (cluster.namespace if cluster else "")
    account = variables.get(_ACCOUNT) or "default-editor"
    return StepPlace(namespace, account, several_users=True, on_cluster=cluster is not None) if namespace else None


def find_step_place(cluster: Cluster | None) -> StepPlace | None:
    """Find out where steps run, with the API that ``HEADRACE_KFP_*`` names; None if it cannot be found out.

    Raises:
        InputError: If a variable is invalid.
    """
    api = client.connect() if settings.kfp_settings() else None
    try:
        return find(cluster, api)
    except ClusterError:  # other checks report problems of the cluster
        return find(None, api)


def _several_users(api: KfpClient | None) -> bool | None:
    """Return whether the API reports several users; None if it does not answer."""
    try:
        return api.has_several_users() if api else None
    except HeadraceError:  # other commands report that it does not answer
        return None


def _server(cluster: Cluster) -> _Server | None:
    deployment = _deployment(cluster)
    if deployment is None:
        return None
    namespace = str(deployment["metadata"]["namespace"])
    return _Server(namespace, _variables(cluster, deployment, namespace))


def _deployment(cluster: Cluster) -> Document | None:
    """Return the server's Deployment, from the usual namespace or else from any; None if it may not be read."""
    try:
        usual = cluster.get(DEPLOYMENTS, SERVER, namespace=USUAL_NAMESPACE)
        if usual is not None:
            return usual
        everywhere = cluster.list(DEPLOYMENTS, labels=f"app={SERVER}", everywhere=True)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return None
    return next((deployment for deployment in everywhere if deployment["metadata"]["name"] == SERVER), None)


def _variables(cluster: Cluster, deployment: Document, namespace: str) -> dict[str, str]:
    """Return the variables of its containers, also from ConfigMaps; a later one wins, as in Kubernetes."""
    values: dict[str, str] = {}
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        for source in container.get("envFrom") or []:
            name = (source.get("configMapRef") or {}).get("name", "")
            prefix = source.get("prefix", "")
            values |= {f"{prefix}{key}": value for key, value in _data(cluster, name, namespace).items()}
        for variable in container.get("env") or []:
            reference = (variable.get("valueFrom") or {}).get("configMapKeyRef") or {}
            if variable["name"] in _WANTED and reference:
                values[variable["name"]] = _data(cluster, reference["name"], namespace).get(reference["key"], "")
            elif "value" in variable:
                values[variable["name"]] = variable["value"]
    return {name: values[name] for name in _WANTED if name in values}


def _data(cluster: Cluster, name: str, namespace: str) -> dict[str, str]:
    try:
        config_map = cluster.get(CONFIG_MAPS, name, namespace=namespace) if name else None
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return {}
    return dict((config_map or {}).get("data") or {})
