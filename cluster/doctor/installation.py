"""Check that Headrace itself is installed on the cluster, in this version."""

from importlib.metadata import version

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, SERVING_RUNTIMES
from headrace.cluster.install.manifests import OWN_IMAGE
from headrace.cluster.install.requirements import ClusterRequirements, ObjectReference
from headrace.core.base.diagnostics import Diagnostic, DiagnosticState, good
from headrace.core.base.errors import ClusterError

RUNTIME = "headrace"


def required_accounts(needs: ClusterRequirements) -> tuple[ObjectReference, ...]:
    """Return references to the service accounts of steps and servers, and to what Kubeflow's launcher reads."""
    references = [ObjectReference(SERVICE_ACCOUNTS, needs.account, by=("the run of a pipeline",))]
    if needs.purposes & {"deploy"}:
        references.append(ObjectReference(SERVICE_ACCOUNTS, "headrace-serving", by=("the InferenceService",)))
    if needs.purposes & {"tune"}:
        references.append(ObjectReference(SERVICE_ACCOUNTS, "headrace-trial", by=("the trials",)))
    if "run" in needs.purposes:
        by = ("the launcher of Kubeflow Pipelines",)
        references.append(ObjectReference(CONFIG_MAPS, "kfp-launcher", optional=True, by=by))
        references.append(ObjectReference(SECRETS, "mlpipeline-minio-artifact", optional=True, by=by))
    return tuple(references)


def check_runtime(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check that KServe has Headrace's model server, in this version and with a readiness probe over HTTP."""
    state: DiagnosticState = "bad" if "deploy" in needs.purposes else "warning"
    option = f"--namespace {cluster.namespace}"
    remedy = f"apply an overlay of this version (headrace cluster render local -o FOLDER {option} writes it)"
    try:
        runtime = cluster.get(SERVING_RUNTIMES, RUNTIME)
    except ClusterError as error:
        if error.reason == "unserved":
            return []
        if error.reason == "forbidden":
            return [Diagnostic("ServingRuntime", "unknown", f"you may not read the ServingRuntime {RUNTIME}")]
        raise
    if runtime is None:
        text = f"there is no ServingRuntime {RUNTIME} in {cluster.namespace}: KServe does not know the format headrace"
        return [Diagnostic("ServingRuntime", state, text, remedy)]
    spec = runtime["spec"]
    if spec.get("disabled"):
        text = f"the ServingRuntime {RUNTIME} is disabled"
        return [Diagnostic("ServingRuntime", state, text, "set its spec.disabled to false")]
    (container, *_) = [
        container for container in spec["containers"] if container["name"] == "kserve-container"
    ] or spec["containers"]
    findings = [_version(container.get("image", ""), remedy)]
    if "httpGet" not in container.get("readinessProbe", {}):
        text = (
            f"the ServingRuntime {RUNTIME} has no readiness probe over HTTP: requests come before the model is loaded"
        )
        findings.append(Diagnostic("ServingRuntime", "warning", text, remedy))
    return findings


def _version(image: str, remedy: str) -> Diagnostic:
    repository, _, tag = image.partition("@")[0].rpartition(":")
    own_version = version("headrace")
    if tag == own_version or not repository.endswith(OWN_IMAGE.rpartition("/")[2]):
        return good("ServingRuntime", f"models are served by {image}")
    text = f"models are served by {image}, and this is headrace {own_version}: it may not read bundles of this version"
    return Diagnostic("ServingRuntime", "warning", text, remedy)
