"""Tests of models that the suite's image cannot serve."""

from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.settings import StoreSettings
from headrace.serving.deployment import kserve
from headrace.serving.deployment.kserve import KServeDeployer

URI = f"s3://headrace/models/churn/{'0' * 64}/"


class UntouchedCluster:
    """A cluster that nobody may ask or change."""

    namespace = "here"

    def __getattr__(self, name: str) -> Any:
        """Fail."""
        raise AssertionError(name)


def deployer(held: Any, monkeypatch: pytest.MonkeyPatch) -> KServeDeployer:
    """One whose store has a bundle with these files, or raises an error."""

    def files(uri: str, *, settings: StoreSettings) -> frozenset[str]:
        if isinstance(held, Exception):
            raise held
        return frozenset(held)

    monkeypatch.setattr(kserve, "list_files", files)
    cluster: Any = UntouchedCluster()
    return KServeDeployer(cluster, StoreSettings("http://127.0.0.1:9", "a", "b"))


def test_a_mojo_is_refused_before_anything_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image has no Java."""
    refusing = deployer({"model.mojo", "mojo.json", "engine.json"}, monkeypatch)
    with pytest.raises(InputError, match=r"which has no Java; .* is scored as model\.mojo"):
        refusing.deploy(URI)
    with pytest.raises(InputError, match="which has no Java"):
        refusing.replace(URI, name="churn", former="1" * 64)


@pytest.mark.parametrize(
    "held", [{"model.skops"}, {"model.mojo", "model.onnx"}, MissingError("there is no such model.")]
)
def test_what_needs_no_java_goes_on(held: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also an address without a bundle, which the deployment itself reports."""
    deployer(held, monkeypatch).refuse_mojo(URI)
