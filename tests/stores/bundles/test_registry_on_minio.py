"""The registry as it stands on a cluster: an MLflow server on PostgreSQL whose artifacts lie in a MinIO."""

from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.registry.mlflow.registry import open_registry
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from tests.made_bundle import make_bundle
from tests.real.mlflow_server import mlflow_server
from tests.registry.made import variant


@pytest.mark.minio
@pytest.mark.mlflow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_published_bundle_is_registered_on_a_server_with_s3(minio_settings: StoreSettings, tmp_path: Path) -> None:
    """Published to MinIO, registered on the server; its card comes back through the server, and lies in the bucket."""
    store = connect(minio_settings)
    made = variant(make_bundle(tmp_path / "made").folder, tmp_path / "bundle", mark="s3")
    uri = publish(made.folder, store)
    keys = {
        "AWS_ACCESS_KEY_ID": minio_settings.access_key,
        "AWS_SECRET_ACCESS_KEY": minio_settings.secret_key,
        "MLFLOW_S3_ENDPOINT_URL": minio_settings.endpoint,
    }
    with mlflow_server(tmp_path, artifacts=f"s3://{store.bucket}/mlflow", variables=keys) as url:
        registry = open_registry(url)
        version = registry.register(replace(made, uri=uri), by="ann")
        assert (version.uri, version.version) == (uri, "1.0.0")
        assert registry.text(version, "card.md") == (made.folder / "card.md").read_text()
        other = variant(
            made.folder, tmp_path / "other", mark="again", contract=lambda text: text.replace("plus", "plus, gold")
        )
        second = registry.register(other, by="ann")
        assert second.version == "1.1.0"
    assert any(item.key.endswith("/card.md") for item in store.list("mlflow/"))
    assert minio_settings.secret_key not in (tmp_path / "log").read_text()
