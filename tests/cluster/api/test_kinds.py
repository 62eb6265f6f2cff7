"""Kinds and their addresses."""

from typing import Any

import pytest

from headrace.cluster.api import kinds
from headrace.cluster.api.kinds import DEPLOYMENTS, INFERENCE_SERVICES, KNOWN, NAMESPACES, PODS, ObjectKind, identify
from headrace.core.base.errors import InputError


@pytest.mark.parametrize(
    ("kind", "arguments", "path"),
    [
        (PODS, ("models", "heart", "log"), "/api/v1/namespaces/models/pods/heart/log"),
        (PODS, (), "/api/v1/pods"),
        (DEPLOYMENTS, ("models",), "/apis/apps/v1/namespaces/models/deployments"),
        (NAMESPACES, ("ignored", "models"), "/api/v1/namespaces/models"),
        (
            INFERENCE_SERVICES,
            ("models", "heart", "status"),
            "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/heart/status",
        ),
        (kinds.ROLES, ("models", "system:a/b"), None),
    ],
)
def test_the_path_of_an_object(kind: ObjectKind, arguments: tuple[str, ...], path: str | None) -> None:
    """Groups, namespaces and subresources stand where the API server wants them; odd names are quoted."""
    found = kind.path(*arguments)
    assert found == path if path else found.endswith("/roles/system%3Aa%2Fb")


def test_known_kinds_are_found_by_what_an_object_says() -> None:
    """The table of known kinds has no two entries for one, and none without a plural name."""
    assert KNOWN["serving.kserve.io/v1beta1", "InferenceService"] is INFERENCE_SERVICES
    constants = [value for value in vars(kinds).values() if isinstance(value, ObjectKind)]
    assert len(KNOWN) == len(constants) == len({kind.resource for kind in constants})
    assert all(kind.plural.islower() and kind.kind[0].isupper() for kind in constants)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"kind": "Pod", "metadata": {"name": "a"}}, "apiVersion"),
        ({"apiVersion": "v1", "kind": 3, "metadata": {"name": "a"}}, "kind"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": None}, "metadata.name"),
        ({"apiVersion": "v1", "kind": "Pod"}, "metadata.name"),
    ],
)
def test_an_object_without_kind_or_name_is_refused(document: dict[str, Any], field: str) -> None:
    """It is said which field is missing, before anything is sent."""
    with pytest.raises(InputError, match=rf"its {field}; got"):
        identify(document)
