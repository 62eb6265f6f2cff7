"""Objects in and out of a real API server."""

from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, INFERENCE_SERVICES, PODS, ObjectKind
from headrace.core.base.errors import ClusterError, InputError, MissingError
from tests.cluster.api_server import ApiServer, account

pytestmark = pytest.mark.kubernetes


def config_map(name: str, **data: str) -> dict[str, Any]:
    """A small object without a controller."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def inference_service(name: str, **predictor: Any) -> dict[str, Any]:
    """A model to be served."""
    model = {"modelFormat": {"name": "headrace"}, "storageUri": "s3://headrace/models/heart/1/"}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"model": model, **predictor}},
    }


def test_an_object_comes_back_as_it_went(cluster: Cluster) -> None:
    """What is created is found, listed by its labels, and gone once it is deleted."""
    assert cluster.get(CONFIG_MAPS, "a") is None
    wanted = config_map("a", key="välue")
    wanted["metadata"]["labels"] = {"app": "heart"}
    made = cluster.create(wanted)
    found = cluster.get(CONFIG_MAPS, "a")
    assert found == made
    assert found["data"] == {"key": "välue"}
    assert cluster.list(CONFIG_MAPS, labels="app=heart") == [found]
    assert cluster.list(CONFIG_MAPS, labels="app!=heart") == []
    assert [item["metadata"]["name"] for item in cluster.list(CONFIG_MAPS, fields="metadata.name=a")] == ["a"]
    assert found in cluster.list(CONFIG_MAPS, everywhere=True)
    assert cluster.delete(CONFIG_MAPS, "a")
    assert not cluster.delete(CONFIG_MAPS, "a")


def test_creating_twice_says_that_there_is_one(cluster: Cluster) -> None:
    """The second is told apart by its word."""
    cluster.create(config_map("a"))
    with pytest.raises(ClusterError, match='"a" already exists') as caught:
        cluster.create(config_map("a"))
    assert caught.value.reason == "exists"


def test_a_later_object_of_the_same_name_is_left_alone(cluster: Cluster) -> None:
    """Who deletes what it made does not delete what came after."""
    first = cluster.create(config_map("a"))["metadata"]["uid"]
    cluster.delete(CONFIG_MAPS, "a")
    cluster.create(config_map("a"))
    with pytest.raises(ClusterError, match="UID") as caught:
        cluster.delete(CONFIG_MAPS, "a", uid=first)
    assert caught.value.reason == "conflict"
    assert cluster.get(CONFIG_MAPS, "a")


def test_applying_owns_its_fields_and_leaves_the_others(cluster: Cluster) -> None:
    """What was applied before and is left out now is taken away; what others set stays."""
    cluster.apply(config_map("a", mine="1", dropped="1"))
    cluster.patch(CONFIG_MAPS, "a", {"data": {"theirs": "2"}}, manager="someone")
    applied = cluster.apply(config_map("a", mine="3"))
    assert applied["data"] == {"mine": "3", "theirs": "2"}
    assert {entry["manager"] for entry in applied["metadata"]["managedFields"]} == {"headrace", "someone"}
    assert (
        cluster.apply(config_map("a", mine="3"))["metadata"]["resourceVersion"]
        == applied["metadata"]["resourceVersion"]
    )


def test_a_conflict_names_the_other_manager_and_its_fields(cluster: Cluster) -> None:
    """A field that someone else set is not changed, unless it is taken over on purpose."""
    cluster.apply(config_map("a", size="1", more="1"), manager="autoscaler")
    with pytest.raises(ClusterError, match=r"autoscaler owns \.data\.more, \.data\.size") as caught:
        cluster.apply(config_map("a", size="2", more="2"))
    assert caught.value.reason == "conflict"
    assert (cluster.get(CONFIG_MAPS, "a") or {})["data"]["size"] == "1"
    assert cluster.apply(config_map("a", size="2"), force=True)["data"]["size"] == "2"


def test_a_dry_run_changes_nothing(cluster: Cluster) -> None:
    """The server says what would become of it."""
    assert cluster.apply(config_map("a", key="1"), dry_run=True)["data"] == {"key": "1"}
    assert cluster.create(config_map("a", key="1"), dry_run=True)["metadata"]["uid"]
    assert cluster.get(CONFIG_MAPS, "a") is None


@pytest.mark.parametrize("way", ["apply", "create"])
def test_an_unknown_field_is_refused(cluster: Cluster, way: str) -> None:
    """A field that the kind does not have is an error, and not dropped in silence."""
    document = inference_service("heart", minReplica=1)
    with pytest.raises(ClusterError, match="minReplica") as caught:
        getattr(cluster, way)(document)
    assert caught.value.reason in {"invalid", "failed"}
    assert cluster.get(INFERENCE_SERVICES, "heart") is None


def test_an_invalid_object_is_refused_with_the_servers_words(cluster: Cluster) -> None:
    """The rule that is broken stands in the sentence."""
    with pytest.raises(ClusterError, match="begin with a letter") as caught:
        cluster.apply(inference_service("9lives"))
    assert caught.value.reason == "invalid"


def test_status_and_spec_are_apart(cluster: Cluster) -> None:
    """A status is changed by itself, as a controller does it, and raises no generation."""
    made = cluster.apply(inference_service("heart"))
    status = {"url": "http://heart", "modelStatus": {"transitionStatus": "UpToDate"}}
    changed = cluster.patch_status(INFERENCE_SERVICES, "heart", status)
    assert changed["status"]["url"] == "http://heart"
    assert changed["metadata"]["generation"] == made["metadata"]["generation"] == 1
    again = cluster.apply(inference_service("heart", minReplicas=2))
    assert again["metadata"]["generation"] == 2
    assert again["status"]["url"] == "http://heart"


def test_a_patch_takes_fields_away(cluster: Cluster) -> None:
    """None stands for a field that is to go."""
    cluster.apply(config_map("a", one="1", two="2"))
    assert cluster.patch(CONFIG_MAPS, "a", {"data": {"one": None}})["data"] == {"two": "2"}
    with pytest.raises(MissingError, match='configmaps "b" not found'):
        cluster.patch(CONFIG_MAPS, "b", {"data": {"one": "1"}})


def test_a_kind_that_is_not_known_is_asked_for(cluster: Cluster) -> None:
    """An object of any kind that the server serves can be applied."""
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}, "spec": {}}
    cluster.apply(lease)
    assert cluster.kind_of(lease) == ObjectKind("coordination.k8s.io", "v1", "leases", "Lease")
    cluster.apply(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": cluster.namespace},
            "value": 1,
        }
    )


def test_a_kind_that_is_not_served(cluster: Cluster) -> None:
    """A missing CRD is no missing object, whatever is asked."""
    unknown = ObjectKind("nobody.example", "v1", "things", "Thing")
    for ask in (
        lambda: cluster.get(unknown, "a"),
        lambda: cluster.list(unknown),
        lambda: cluster.delete(unknown, "a"),
        lambda: cluster.apply({"apiVersion": "nobody.example/v1", "kind": "Thing", "metadata": {"name": "a"}}),
    ):
        with pytest.raises(ClusterError, match="does not serve") as caught:
            ask()
        assert caught.value.reason == "unserved"


def test_a_namespace_that_is_not_there(cluster: Cluster) -> None:
    """Nothing can be made in it, and nothing is in it."""
    with pytest.raises(MissingError, match='namespaces "nowhere" not found'):
        cluster.apply(config_map("a"), namespace="nowhere")
    assert cluster.list(CONFIG_MAPS, namespace="nowhere") == []
    assert cluster.get(CONFIG_MAPS, "a", namespace="nowhere") is None


def test_an_objects_own_namespace_counts(cluster: Cluster, kubernetes: ApiServer) -> None:
    """It comes before the client's, and after the one that is named."""
    document = config_map("a")
    document["metadata"]["namespace"] = cluster.namespace
    applied = kubernetes.admin("default").apply(document)
    assert applied["metadata"]["namespace"] == cluster.namespace


def test_an_account_without_rights(cluster: Cluster) -> None:
    """What it may not do is said in the server's words, which name account, verb and kind."""
    nobody = account(cluster, "nobody")
    with pytest.raises(ClusterError, match=r'serviceaccount:.*nobody" cannot get resource "pods"') as caught:
        nobody.get(PODS, "a")
    assert caught.value.reason == "forbidden"


def test_a_token_that_is_none(cluster: Cluster) -> None:
    """An account that is not known is another matter than a right that is missing."""
    from headrace.cluster.api.kubeconfig import with_token

    with pytest.raises(ClusterError, match="does not know the credentials") as caught:
        with_token(cluster, "n0-token").get(PODS, "a")
    assert caught.value.reason == "unauthorized"
    assert "n0-token" not in str(caught.value)


def test_an_object_without_a_name_is_refused(cluster: Cluster) -> None:
    """It is refused before the server is asked."""
    with pytest.raises(InputError, match=r"metadata\.name"):
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})


def test_many_objects_are_listed_page_by_page(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """No object is lost or doubled at the edge of a page."""
    monkeypatch.setattr("headrace.cluster.api.client._PAGE", "3")
    for number in range(8):
        cluster.create(config_map(f"map-{number}"))
    assert [item["metadata"]["name"] for item in cluster.list(CONFIG_MAPS)] == [f"map-{n}" for n in range(8)]
