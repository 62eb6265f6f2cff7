"""What a manager owns of an object is what it applied."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.field_ownership import merge_objects, owned_fields_of, project_fields
from headrace.cluster.api.kinds import CONFIG_MAPS, INFERENCE_SERVICES
from headrace.serving.deployment import kserve_spec
from headrace.serving.deployment.target import DeploymentTarget

TEXT = st.sampled_from(["", "1", "2"])
TEXTS = st.dictionaries(st.sampled_from("abcd"), TEXT | st.dictionaries(st.sampled_from("ef"), TEXT))


@given(TEXTS, TEXTS)
def test_a_projection_has_the_fields_of_one_and_the_values_of_the_other(first: Any, second: Any) -> None:
    """No field that either lacks, and no value that is not the first's."""
    found = project_fields(first, second)
    assert set(found) == set(first) & set(second)
    for key, value in found.items():
        if isinstance(value, dict) and isinstance(second[key], dict):
            assert value == project_fields(first[key], second[key])
        else:
            assert value == first[key]
    assert project_fields(first, first) == first


@given(TEXTS, TEXTS)
def test_merged_objects_have_all_fields_and_the_values_of_the_second(first: Any, second: Any) -> None:
    """However deep they lie; merging one with itself, or with nothing, changes nothing."""
    found = merge_objects(first, second)
    assert set(found) == set(first) | set(second)
    assert project_fields(found, second) == second
    assert merge_objects(first, first) == merge_objects(first, {}) == merge_objects({}, first) == first


@pytest.mark.kubernetes
def test_applying_what_is_owned_changes_nothing(cluster: Cluster) -> None:
    """Of what was applied nothing is lost, and nothing of others is taken: the server sees no change."""
    uri = f"s3://headrace/models/heart/{'a' * 64}/"
    document = kserve_spec.build("heart", uri, target=DeploymentTarget("kserve"), mode="Standard", predictor="v1")
    document["spec"]["predictor"]["model"]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    document["spec"]["canary"] = [{"predictor": {"name": "v2"}, "trafficPercent": 5}]
    cluster.apply(document)
    theirs = {"metadata": {"labels": {"theirs": "1"}}, "spec": {"predictor": {"timeout": 30}}}
    applied = cluster.patch(INFERENCE_SERVICES, "heart", theirs, manager="someone")
    assert owned_fields_of(applied) == document
    assert owned_fields_of(applied, manager="nobody") is None
    again = cluster.apply(owned_fields_of(applied) or {})
    assert again["metadata"]["resourceVersion"] == applied["metadata"]["resourceVersion"]
    # What is applied anew takes the place of what was owned, and back.
    other = kserve_spec.build("heart", uri, target=DeploymentTarget("kserve"), mode="Standard")
    changed = cluster.apply(other)
    assert "canary" not in changed["spec"]
    assert cluster.apply(owned_fields_of(applied) or {})["spec"] == applied["spec"]


@pytest.mark.kubernetes
def test_empty_parts_and_lists_of_values_are_owned_too(cluster: Cluster) -> None:
    """Finalizers are a set of values; annotations may be an empty object."""
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "annotations": {"x": "1"}, "finalizers": ["headrace.test/b", "headrace.test/a"]},
        "data": {"k": "v"},
    }
    applied = cluster.apply(made)
    found = owned_fields_of(applied)
    assert found
    assert sorted(found["metadata"].pop("finalizers")) == ["headrace.test/a", "headrace.test/b"]
    del made["metadata"]["finalizers"]  # type: ignore[attr-defined]
    assert found == made
    cluster.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": None}})
