"""The rules of the tests' own CRDs are those of the platform, as far as they were seen."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS
from headrace.core.base.errors import ClusterError
from tests.cluster.api.test_client import inference_service
from tests.cluster.api_server import ApiServer, namespace
from tests.cluster.platform import OWN, folder

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.skipif(folder() != OWN, reason="HEADRACE_CRDS names others"),
]


def experiment(name: str = "heart") -> dict[str, Any]:
    """An Experiment that Katib takes."""
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {"template": {"spec": {"containers": [{"name": "trial", "image": "x"}], "restartPolicy": "Never"}}},
    }
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "objective": {"type": "maximize", "objectiveMetricName": "roc_auc", "additionalMetricNames": ["loss"]},
            "algorithm": {"algorithmName": "random", "algorithmSettings": [{"name": "random_state", "value": "1"}]},
            "maxTrialCount": 4,
            "parallelTrialCount": 2,
            "maxFailedTrialCount": 1,
            "parameters": [
                {"name": "c", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "10"}},
                {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
            ],
            "trialTemplate": {
                "primaryContainerName": "trial",
                "trialParameters": [{"name": "c", "reference": "c"}, {"name": "kind", "reference": "kind"}],
                "trialSpec": job,
            },
        },
    }


Change = Callable[[dict[str, Any]], Any]

REFUSED: dict[str, Change] = {
    "at most 40 characters": lambda e: e["metadata"].update(name="a" * 41),
    "begin with a letter": lambda e: e["metadata"].update(name="9a"),
    "less than or equal to spec.maxTrialCount": lambda e: e["spec"].update(parallelTrialCount=5),
    "spec.maxFailedTrialCount should be": lambda e: e["spec"].update(maxFailedTrialCount=5),
    "spec.maxTrialCount must be greater": lambda e: e["spec"].update(maxTrialCount=0),
    "algorithmName": lambda e: e["spec"]["algorithm"].update(algorithmName="magic"),
    "min and feasibleSpace.max must be": lambda e: e["spec"]["parameters"][0]["feasibleSpace"].pop("max"),
    "list is not supported": lambda e: e["spec"]["parameters"][0]["feasibleSpace"].update(list=["1"]),
    "step are not supported": lambda e: e["spec"]["parameters"][1]["feasibleSpace"].update(min="1"),
    "list must be specified": lambda e: e["spec"]["parameters"][1].update(feasibleSpace={}),
    "must be of type string": lambda e: e["spec"]["parameters"][0]["feasibleSpace"].update(min=0.1),
    "must not contain the objective": lambda e: e["spec"]["objective"].update(additionalMetricNames=["roc_auc"]),
    "must be omitted": lambda e: e["spec"]["trialTemplate"]["trialSpec"].update(metadata={"name": "a"}),
    "namespace in spec": lambda e: e["spec"]["trialTemplate"]["trialSpec"].update(metadata={"namespace": "a"}),
    "different names": lambda e: e["spec"]["trialTemplate"]["trialParameters"][1].update(name="c"),
    "different references": lambda e: e["spec"]["trialTemplate"]["trialParameters"][1].update(reference="c"),
    "primaryContainerName": lambda e: e["spec"]["trialTemplate"].pop("primaryContainerName"),
    "exactly one of trialSpec": lambda e: e["spec"]["trialTemplate"].pop("trialSpec"),
    "must have no filter": lambda e: e["spec"].update(
        metricsCollectorSpec={
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": {"path": "/m", "kind": "File", "format": "JSON"}, "filter": {}},
        }
    ),
}

TAKEN: dict[str, Change] = {
    "as it is": lambda _: None,
    "min above max": lambda e: e["spec"]["parameters"][0]["feasibleSpace"].update(min="11"),
    "logUniform from 0": lambda e: e["spec"]["parameters"][0]["feasibleSpace"].update(
        min="0", distribution="logUniform"
    ),
    "unknown fields": lambda e: e["spec"].update(typo=1),
    "a name with a dot": lambda e: e["metadata"].update(name="a.b"),
    "no limit of trials": lambda e: e["spec"].pop("maxTrialCount"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_katib_refuses_is_refused(cluster: Cluster, words: str) -> None:
    """Each of the webhook's rules that was seen, in its sense."""
    document = experiment()
    REFUSED[words](document)
    with pytest.raises(ClusterError) as caught:
        cluster.create(document)
    assert words in str(caught.value)
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("name", TAKEN)
def test_what_katib_lets_pass_passes(cluster: Cluster, name: str) -> None:
    """Mistakes that only show later, or never, are not caught here either."""
    document = experiment()
    TAKEN[name](document)
    cluster.create(document)


def test_only_the_counts_of_an_experiment_can_be_changed(cluster: Cluster) -> None:
    """The rest is fixed once it runs."""
    cluster.apply(experiment())
    more = experiment()
    more["spec"]["maxTrialCount"] = 8
    cluster.apply(more)
    other = copy.deepcopy(more)
    other["spec"]["parameters"][0]["feasibleSpace"]["max"] = "20"
    with pytest.raises(ClusterError, match="are editable"):
        cluster.apply(other)


def test_a_namespace_without_the_label_is_refused(kubernetes: ApiServer, cluster: Cluster) -> None:
    """Katib would never collect a metric there."""
    key = "katib.kubeflow.org/metrics-collector-injection"
    bare = namespace(kubernetes.admin(), f"{cluster.namespace}-bare", **{key: "disabled"})
    with pytest.raises(ClusterError, match=key):
        bare.create(experiment())
    assert bare.list(EXPERIMENTS) == []


def _canary(percent: int = 10, *, mode: str = "Standard", **predictor: Any) -> dict[str, Any]:
    document = inference_service("heart", minReplicas=2)
    document["metadata"]["annotations"] = {"serving.kserve.io/deploymentMode": mode} if mode else {}
    document["spec"]["canary"] = [{"predictor": {"name": "v2", **predictor}, "trafficPercent": percent}]
    return document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (_canary(mode=""), "needs the annotation"),
        (_canary(mode="RawDeployment"), "needs the annotation"),
        (_canary(101), "100"),
        (_canary(name=""), "must have a name"),
        (_canary(maxReplicas=3), "must not set maxReplicas"),
        (_canary(minReplicas=3), "at most the stable"),
        (inference_service("heart.v1"), "lower case letters"),
        (inference_service("heart", minReplicas=3, maxReplicas=2), "cannot be greater"),
    ],
)
def test_what_kserve_refuses_is_refused(cluster: Cluster, document: dict[str, Any], words: str) -> None:
    """Names, replicas and canaries follow KServe's rules."""
    with pytest.raises(ClusterError) as caught:
        cluster.create(document)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "document", [_canary(), _canary(0), inference_service("heart", canaryTrafficPercent=110), inference_service("a")]
)
def test_what_kserve_lets_pass_passes(cluster: Cluster, document: dict[str, Any]) -> None:
    """A canary of 110 percent under Knative is taken, as KServe takes it."""
    cluster.create(document)


def _graph(*weights: int, router: str = "Splitter", root: str = "root", **step: str) -> dict[str, Any]:
    steps = [{"serviceName": f"v{at}", "weight": weight, **step} for at, weight in enumerate(weights)]
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "InferenceGraph",
        "metadata": {"name": "heart"},
        "spec": {"nodes": {root: {"routerType": router, "steps": steps}}},
    }


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (_graph(90, 9), "sum to 100"),
        (_graph(100, root="first"), "named root"),
        (_graph(100, nodeName="other"), "exactly one of"),
        (_graph(100, router="Sequence"), "only a Splitter"),
        (_graph(100, router="Random"), "routerType"),
    ],
)
def test_what_a_graph_may_not_be(cluster: Cluster, document: dict[str, Any], words: str) -> None:
    """Weights sum to 100, the root exists, a step has one target."""
    cluster.apply(_graph(95, 5))
    with pytest.raises(ClusterError) as caught:
        cluster.apply(document)
    assert words in str(caught.value)
